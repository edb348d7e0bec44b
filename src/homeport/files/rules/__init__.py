"""Pure decisions on bytes: which archives are safe."""
