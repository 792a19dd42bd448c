# One line each; the work is in kit.py, which needs nothing but Python 3.11 to 3.13.
PYTHON ?= python3

.PHONY: start test test-all bench bundle lock labs site
start:     ; @$(PYTHON) kit.py start
test:      ; @$(PYTHON) kit.py test
test-all:  ; @$(PYTHON) kit.py test-all
bench:     ; @$(PYTHON) kit.py bench
bundle:    ; @$(PYTHON) kit.py bundle $(WITH)
lock:      ; @$(PYTHON) kit.py lock
site:      ; @$(PYTHON) kit.py site
labs:      ; @.venv/bin/secure-ai lab build
