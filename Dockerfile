# The locked running environment and the code. run.sh builds this image and keeps a container of it;
# CUDA comes with torch's own wheels, the sound and speech libraries with theirs.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility

WORKDIR /app

# The environment is a separate layer: only a changed lock rebuilds it.
# Byte code is compiled here because the user who runs it may not write beside the packages.
COPY requirements-bootstrap.txt requirements.lock ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements-bootstrap.txt \
 && uv pip install --system --no-cache --compile-bytecode --require-hashes -r requirements.lock

# Packages beyond those that run: ./run.sh install and check name them. pyproject.toml holds uv's settings, too.
ARG MORE=""
COPY requirements-dev.lock pyproject.toml ./
RUN test -z "$MORE" || uv pip install --system --no-cache --compile-bytecode --require-hashes $MORE

# run.sh runs commands as the calling user, whose id has no name and no home here: files are written to the
# mounted folders or to /tmp. Models and compiled loops are kept with the data, so that each is made once.
ENV HOME=/tmp \
    USER=phoneme \
    HF_HOME=/app/data/cache/huggingface \
    NUMBA_CACHE_DIR=/app/data/cache/numba \
    MYPY_CACHE_DIR=/tmp/mypy_cache \
    RUFF_CACHE_DIR=/tmp/ruff_cache \
    PYTEST_ADDOPTS="-o cache_dir=/tmp/pytest_cache"
RUN useradd --uid 1000 phoneme \
 && install --directory --mode 1777 data config experiments

# The code comes last. Its modes are widened for checkouts that only their owner may read.
COPY . .
RUN chmod -R a+rX .

USER phoneme
CMD ["sleep", "infinity"]
