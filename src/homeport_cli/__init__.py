"""The command line `homeport`: for people and for scripts. Knows the SDK only; other programs are started lazily."""
