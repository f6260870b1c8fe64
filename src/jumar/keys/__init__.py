"""Keys: what a call is. Pure: values and code in, digests out."""

from jumar.keys.call import Signature, call_key
from jumar.keys.code import CodeFingerprint, CodePart, fingerprint_code, set_project

__all__ = ["CodeFingerprint", "CodePart", "Signature", "call_key", "fingerprint_code", "set_project"]
