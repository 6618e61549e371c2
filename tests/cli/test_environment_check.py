"""The environment check, against site-packages made up for it."""

import subprocess
import sys
from pathlib import Path

import pytest

from cli.environment_check import environment_faults, package_faults, version_lies_in

PROJECT = """
[project]
requires-python = ">=3.11,<3.14"
dependencies = [
    "torch>=2.11,<2.14",
    "torchaudio>=2.11,<2.14",
    "jsonargparse[signatures]>=4.50,<4.60",
    "numpy-audio-limiter>=0.2",
    "elsewhere>=9; sys_platform == 'plan9'",
]
"""
CUDA_LINKS = (
    "libc10.so",
    "libtorch.so",
    "libtorch_cpu.so",
    "libcudart.so.13",
    "libtorch_cuda.so",
    "libc.so.6",
)
CPU_LINKS = ("libc10.so", "libtorch.so", "libtorch_cpu.so", "libc.so.6")
CPU_LIBRARIES = ("libc10.so", "libtorch.so", "libtorch_cpu.so")
CUDA_LIBRARIES = (*CPU_LIBRARIES, "libtorch_cuda.so")


class SitePackages:
    """A site-packages folder that holds names and versions, and a few bytes of libraries."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "site-packages"
        self.folder.mkdir()
        self.project_file = folder / "pyproject.toml"
        self.project_file.write_text(PROJECT)
        for name in ("jsonargparse-4.53.0", "numpy_audio_limiter-0.2.1"):
            (self.folder / f"{name}.dist-info").mkdir()

    def add_torch(self, version: str, libraries: tuple[str, ...], cuda: str | None = None) -> None:
        self._add("torch", version, f"__version__ = '{version}'\ncuda: Optional[str] = {cuda!r}\n")
        for library in libraries:
            (self.folder / "torch/lib" / library).touch()

    def add_torchaudio(self, version: str, links: tuple[str, ...]) -> None:
        self._add("torchaudio", version, f"__version__ = '{version}'\n")
        names = b"\0".join(link.encode() for link in links)
        (self.folder / "torchaudio/lib/_torchaudio.abi3.so").write_bytes(
            b"\x7fELF\0_init\0" + names + b"\0\1"
        )

    def faults(self, python_version: str = "3.12.4") -> list[str]:
        return environment_faults([str(self.folder)], python_version, self.project_file)

    def _add(self, name: str, version: str, version_file: str) -> None:
        (self.folder / f"{name}-{version}.dist-info").mkdir()
        (self.folder / name / "lib").mkdir(parents=True)
        (self.folder / name / "__init__.py").touch()
        (self.folder / name / "version.py").write_text(version_file)


@pytest.fixture
def packages(tmp_path):
    return SitePackages(tmp_path)


def test_the_locked_pair_has_no_fault(packages):
    packages.add_torch("2.13.0+cu130", CUDA_LIBRARIES, cuda="13.0")
    packages.add_torchaudio("2.11.0+cu130", CUDA_LINKS)
    assert packages.faults() == []


def test_cuda_torchaudio_beside_cpu_torch_is_one_line_with_the_remedy(packages):
    packages.add_torch("2.13.0+cpu", CPU_LIBRARIES)
    packages.add_torchaudio("2.11.0+cu130", CUDA_LINKS)
    (fault,) = packages.faults()
    assert fault.startswith("torchaudio needs libtorch_cuda.so, which torch 2.13.0+cpu lacks")
    assert "./run.sh" in fault
    assert "\n" not in fault


def test_cpu_torchaudio_goes_with_any_torch(packages):
    packages.add_torch("2.13.0+cpu", CPU_LIBRARIES)
    packages.add_torchaudio("2.11.0+cpu", CPU_LINKS)
    assert packages.faults() == []


def test_torchaudio_of_another_cuda_is_named(packages):
    packages.add_torch("2.13.0+cu130", CUDA_LIBRARIES, cuda="13.0")
    packages.add_torchaudio("2.11.0+cu128", CUDA_LINKS)
    (fault,) = packages.faults()
    assert fault.startswith(
        "torchaudio 2.11.0+cu128 was made for CUDA 12.8, torch 2.13.0+cu130 for CUDA 13.0"
    )


def test_empty_library_is_no_crash(packages):
    packages.add_torch("2.13.0", CPU_LIBRARIES)
    packages.add_torchaudio("2.11.0", CPU_LINKS)
    (packages.folder / "torchaudio/lib/libtorchaudio.so").touch()
    assert packages.faults() == []


def test_missing_packages_share_one_line(packages):
    assert [fault.split(". ")[0] for fault in packages.faults()] == [
        "2 required packages are not installed (torch, torchaudio)"
    ]


def test_version_out_of_range_is_named_with_what_is_needed(packages):
    packages.add_torch("2.10.1", CUDA_LIBRARIES)
    packages.add_torchaudio("2.11.0", CUDA_LINKS)
    (fault,) = packages.faults()
    assert fault.startswith("torch 2.10.1 is installed, but torch>=2.11,<2.14 is needed")


@pytest.mark.parametrize("version", ["3.10.9", "3.14.0"])
def test_python_out_of_range_is_named(packages, version):
    packages.add_torch("2.13.0", CUDA_LIBRARIES)
    packages.add_torchaudio("2.11.0", CUDA_LINKS)
    (fault,) = packages.faults(version)
    assert fault.startswith(f"Python {version} does not serve: >=3.11,<3.14 is needed")


def test_first_folder_on_the_path_wins(packages, tmp_path):
    packages.add_torch("2.13.0", CUDA_LIBRARIES)
    packages.add_torchaudio("2.11.0", CUDA_LINKS)
    (tmp_path / "first" / "torch-1.0.dist-info").mkdir(parents=True)
    search_path = [str(tmp_path / "first"), str(tmp_path / "absent"), str(packages.folder)]
    (fault,) = environment_faults(search_path, "3.12.0", packages.project_file)
    assert fault.startswith("torch 1.0 is installed")


def test_many_missing_packages_are_counted_not_all_named():
    (fault,) = package_faults([f"p{i}>=1" for i in range(20)], {})
    assert fault.startswith("20 required packages are not installed (p0, p1, p2, p3, p4, …)")


@pytest.mark.parametrize(
    ("version", "specifiers", "lies_in"),
    [
        ("2.14.0", ">=2.11,<2.14", False),
        ("2.13.9.post1", ">=2.11,<2.14", True),
        ("2.9", ">=2.11", False),
        ("2.14.0rc1", "<2.14", False),
        ("2.0", "==2", True),
        ("2.0.1", "!=2.0.1", False),
        ("4.60", "<=4.60", True),
        ("4.60.1", ">4.60", True),
        ("1.0", "", True),
    ],
)
def test_versions_are_compared_as_numbers(version, specifiers, lies_in):
    assert version_lies_in(version, specifiers) is lies_in


def test_unknown_comparison_is_refused_by_name():
    with pytest.raises(ValueError, match="~=2"):
        version_lies_in("2.0", "~=2.0")


def test_the_projects_own_requirements_can_be_read_and_are_met_here():
    assert environment_faults() == []


def test_it_loads_no_package_and_takes_milliseconds():
    code = """import sys, time
start = time.perf_counter()
from cli.environment_check import environment_faults
environment_faults()
seconds = time.perf_counter() - start
print(seconds, sorted({"torch", "packaging", "numpy", "importlib.metadata"} & set(sys.modules)))
"""
    root = Path(__file__).resolve().parents[2]
    outputs = [
        subprocess.run(
            [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(5)
    ]
    seconds = min(float(output.split()[0]) for output in outputs)  # the least: other work slows some
    assert {output.split(maxsplit=1)[1] for output in outputs} == {"[]\n"}
    assert seconds < 0.1
