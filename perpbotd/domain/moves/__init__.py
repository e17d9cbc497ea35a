"""What each move of the transition table does, by the step of product.md that it belongs to."""
