"""Upload an exported folder to the Hugging Face Hub, through its own client."""

from pathlib import Path

from inference.handover.huggingface import ExportError


def check_access(repository: str) -> None:
    """Refuse a wrong name, a missing or refused token and a missing network, before anything is exported."""
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HFValidationError, HTTPError  # type: ignore[attr-defined]
    from huggingface_hub.utils._validators import validate_repo_id

    if repository.count("/") != 1:
        raise ExportError(f"export: --push must be OWNER/NAME, got {repository}")
    try:
        validate_repo_id(repository)
        if get_token() is None:
            raise ExportError(
                "export: --push needs a token of the hub, there is none; set HF_TOKEN, or run: hf auth login"
            )
        HfApi().whoami()
    except HFValidationError as error:
        raise ExportError(f"export: --push {repository}: {_first_line(error)}") from error
    except (HTTPError, OSError) as error:
        raise ExportError(_explained(repository, error)) from error


def push(folder: Path, repository: str, *, private: bool) -> str:
    """Create the repository where it is missing, upload the folder, and return the repository's address."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]

    hub = HfApi()
    try:
        address = hub.create_repo(repository, private=private or None, exist_ok=True)
        if private and not hub.model_info(repository).private:
            raise ExportError(
                f"export: --private needs a private repository, {repository} exists and is public; "
                f"nothing was uploaded, the export is in {folder}"
            )
        hub.upload_folder(
            repo_id=repository, folder_path=folder, commit_message="Upload a phoneme recogniser"
        )
    except (HTTPError, OSError) as error:
        message = f"{_explained(repository, error)}; the export is complete: hf upload {repository} {folder}"
        raise ExportError(message) from error
    return str(address)


def _explained(repository: str, error: Exception) -> str:
    """Describe a failed request in one line: what the server answered, or that none did."""
    start = f"export: --push {repository}: "
    response = getattr(error, "response", None)
    if response is None:
        return f"{start}the hub cannot be reached ({_first_line(error)})"
    answer = getattr(error, "server_message", None) or response.reason_phrase
    advice = {401: "; the token is not accepted", 403: "; the token may not write there"}
    return (
        f"{start}the hub refused with {response.status_code}: {answer}{advice.get(response.status_code, '')}"
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
