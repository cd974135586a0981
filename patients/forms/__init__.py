"""The forms of patients and appointments."""
