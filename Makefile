# Every target sets up what it needs; a second run finds it there.
.DEFAULT_GOAL := help
.PHONY: help setup demo test again test-long bench screenshots check lock clean

UV_COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" .venv/uv/bin/uv pip compile --quiet --universal \
	--python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate $(UPGRADE)

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 12

# Their engines are newer than the one that most machines have: 26.1, and what the next Debian will have.
NEWER_DEBIANS = trixie forky

setup: ## Make .venv with the locked dependencies
	@scripts/setup

demo: setup ## Watch the main job on a real engine: release, broken image, revert, canary, blue-green
	@scripts/engine .venv/bin/python scripts/demo.py

test: setup ## Run the tests on a real engine
	@scripts/engine .venv/bin/pytest -q -n 2 --dist loadfile -m "not long and not bench"

again: setup ## Run what failed once more, alone, where it is no more than five
	@scripts/engine .venv/bin/pytest -q --last-failed --last-failed-no-failures none -p tests.again

test-long: setup ## Run all tests, with many more examples, a newer HAProxy, and the engines of other Debian releases
	@scripts/engine .venv/bin/pytest -q -m "not bench" --hypothesis-profile=long --timeout=1800
	@GITOPSD_HAPROXY=2.8 .venv/bin/pytest -q -m "not long" -k "not traefik" tests/contract/test_router.py tests/adapters/haproxy
	@for suite in $(NEWER_DEBIANS); do \
		scripts/engine --debian $$suite .venv/bin/pytest -q -m "engine and not long and not bench" \
			tests/contract tests/adapters/docker tests/e2e || exit; \
		GITOPSD_ENGINE_JSON='{"features": {"containerd-snapshotter": true}}' scripts/engine --debian $$suite \
			.venv/bin/pytest -q -m "engine and not long" tests/contract tests/adapters/docker || exit; \
	done

bench: setup ## Measure against docker compose and raw engine calls
	@scripts/engine .venv/bin/python -m tests.bench

screenshots: setup ## Take the pictures of the pages that the README shows
	@scripts/engine .venv/bin/python -m tests.e2e.screenshots

check: setup ## Check style, types and the floors of the house
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy --strict gitopsd
	.venv/bin/lint-imports

lock: setup ## Resolve the dependencies again (make lock UPGRADE=--upgrade takes newer ones)
	@[ -x .venv/uv/bin/uv ] || { .venv/bin/python -m venv .venv/uv && .venv/uv/bin/pip install --quiet uv==0.13.9; }
	$(UV_COMPILE) pyproject.toml --extra postgresql --output-file requirements.lock
	$(UV_COMPILE) pyproject.toml --group dev --constraint requirements.lock --output-file requirements-dev.lock
	$(UV_COMPILE) --group build --constraint requirements-dev.lock --output-file requirements-build.lock

clean: ## Remove what the other targets made in this directory
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist
