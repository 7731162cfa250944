"""Floor 3: what a background job is told and what it answers; no torch, no Qt."""
