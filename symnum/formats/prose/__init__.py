"""PROSE: equations as token sequences, the language of transformers that learn to predict and write down dynamics.

Source: Y. Liu, Z. Zhang, H. Schaeffer, PROSE: Predicting Operators and Symbolic Expressions using Multimodal Transformers (2023).
"""
