"""Figures of the whole program, measured on demand by `make bench`; never run as tests."""
