"""Pure rules of the decision engine, one module per question. Start reading at `decisions.py`."""
