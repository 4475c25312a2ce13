"""The modes of training of `frontier`, by name. No torch here: pages that draw its networks do without."""

from __future__ import annotations

PLAIN, DECAY, ADVERSARIAL, SOBOLEV, PENALISED = "plain", "decay", "adversarial", "sobolev", "penalised"
CORRUPTED = "corrupted"
MODES = (PLAIN, DECAY, ADVERSARIAL, SOBOLEV, PENALISED, CORRUPTED)
STOPPING = (PLAIN, ADVERSARIAL, CORRUPTED)  # at the target
