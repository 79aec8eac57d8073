"""The deep tier; needs the extra ``deep``. It extends the readings and the context of
:mod:`stream.recognition`, and starts from what the fast recogniser tells."""

from stream.recognition.deep.recognizer import DeepRecognizer, deep

__all__ = ["DeepRecognizer", "deep"]
