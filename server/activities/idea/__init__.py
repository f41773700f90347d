"""Policy ideas written together: a card or the whole form, backed version by version, published."""
