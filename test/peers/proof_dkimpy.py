"""python3-dkim on a leash: one JSON request a line in, one JSON answer a line out."""
import base64
import json
import sys

import dkim


def main():
    for line in sys.stdin:
        request = json.loads(line)
        try:
            print(json.dumps(answer(request)), flush=True)
        except Exception as error:  # what the library throws is an answer too
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)


def answer(request):
    message = base64.b64decode(request["message"])
    zone = request.get("dns", {})

    def lookup(name, timeout=5):
        text = zone.get(name.decode().rstrip(".").lower())
        return None if text is None else text.encode()

    what = request["what"]
    if what == "verify":
        return {"good": [verify_one(message, i, lookup) for i in range(request["signatures"])]}
    if what == "verify-arc":
        cv, _, reason = dkim.arc_verify(message, dnsfunc=lookup)
        return {"cv": cv.decode(), "reason": reason}
    selector, domain = request["selector"].encode(), request["domain"].encode()
    key = request["key"].encode()
    if what == "sign":
        head, body = request["canon"].encode().split(b"/")
        algorithm = request["algorithm"].encode()
        field = dkim.sign(
            message, selector, domain, key, canonicalize=(head, body), signature_algorithm=algorithm,
            length=request.get("length", False),
        )
        return {"field": base64.b64encode(field).decode()}
    fields = dkim.arc_sign(message, selector, domain, key, b"mx.peer.test")
    return {"field": base64.b64encode(b"".join(fields)).decode()}


def verify_one(message, index, lookup):
    try:
        return dkim.DKIM(message).verify(idx=index, dnsfunc=lookup)
    except dkim.DKIMException:
        return False


main()
