"""From maps to objects: plain functions, numpy in, int32 out."""
