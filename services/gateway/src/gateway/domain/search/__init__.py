"""What searching knows: how text becomes words, passages and questions."""
