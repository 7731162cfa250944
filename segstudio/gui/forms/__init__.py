"""Forms made from the settings' own declarations."""
