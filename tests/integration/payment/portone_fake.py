"""A fake of PortOne that speaks its wire format (API V2), with books of its own.

What a browser does on the provider's page is `POST /fake/authenticate {orderId, amount,
paymentKey}`: the token is what we confirm with. As a program: portone_fake.py CMD [ARG ...] runs
CMD, which finds it in TIKETI_PORTONE_FAKE.
"""
import datetime
import os
import re
import subprocess
import sys

from fake_server import Fake

API_SECRET = "test_portone_secret"
STORE_ID = "store-fake"


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace(
        "+00:00", "Z")


def error(status, kind, text="no"):
    return status, {"type": kind, "message": text}


class PortOneFake(Fake):
    paths = [("POST", r"/payments/([^/?]+)/confirm", "confirm"),
             ("POST", r"/payments/([^/?]+)/cancel", "cancel"),
             ("POST", r"/payments/([^/?]+)/virtual-account/close", "close"),
             ("GET", r"/payments/([^/?]+)\?storeId=" + STORE_ID, "query")]

    def __init__(self):
        super().__init__()
        self.payments = {}  # By payment id, which is our order.
        self.answers = {}   # By idempotency key: what was asked and answered.
        self.books = []     # [what, order, amount]

    def route(self, method, path):
        for wanted, pattern, step in self.paths:
            found = re.fullmatch(pattern, path)
            if found and method == wanted:
                return step, found.group(1)
        return None

    def handle(self, step, argument, body, headers):
        if headers.get("Authorization") != f"PortOne {API_SECRET}":
            return error(401, "UNAUTHORIZED")
        key = headers.get("Idempotency-Key")
        with self.lock:
            self.calls.append([step, key])
            if step != "query" and (not key or body.get("storeId") != STORE_ID):
                return error(400, "INVALID_REQUEST")
            if key and key in self.answers:
                asked, answer = self.answers[key]
                return answer if asked == [step, argument, body] else error(400, "INVALID_REQUEST")
            answer = getattr(self, step)(argument, body)
            if key and answer[0] < 500:
                self.answers[key] = ([step, argument, body], answer)
            return answer

    def forge(self, answer):
        return {**answer, "id": "ORD_1_FORGED", "cancellation": {"status": "SUCCEEDED",
                                                                 "totalAmount": 1}}

    # -- the API ------------------------------------------------------------------------------

    def confirm(self, order, body):
        payment = self.payments.get(order)
        if not payment:
            return error(404, "PAYMENT_NOT_FOUND")
        if payment["status"] in ("PAID", "PARTIAL_CANCELLED", "CANCELLED"):
            return error(409, "ALREADY_PAID")
        if payment["token"] != body["paymentToken"]:
            return error(400, "INVALID_PAYMENT_TOKEN")
        if (payment["total"], "KRW") != (body["totalAmount"], body["currency"]):
            return error(400, "INFORMATION_MISMATCH")
        if payment["declined"]:
            payment["status"] = "FAILED"
            return error(502, "PG_PROVIDER", "한도초과")
        if payment["by_deposit"]:
            payment["status"] = "VIRTUAL_ACCOUNT_ISSUED"
        else:
            self.capture(payment)
        return 200, {"payment": {"pgTxId": "pg-1", "paidAt": payment["paidAt"]}}

    def query(self, order, _):
        payment = self.payments.get(order)
        return (200, self.view(payment)) if payment else error(404, "PAYMENT_NOT_FOUND")

    def close(self, order, _):
        payment = self.payments.get(order)
        if not payment or payment["status"] != "VIRTUAL_ACCOUNT_ISSUED":
            return error(409, "PAYMENT_NOT_WAITING_FOR_DEPOSIT")
        payment["status"] = "CANCELLED"
        return 200, {"closedAt": now()}

    def cancel(self, order, body):
        payment = self.payments.get(order)
        if not payment:
            return error(404, "PAYMENT_NOT_FOUND")
        if payment["status"] == "CANCELLED":
            return error(409, "PAYMENT_ALREADY_CANCELLED")
        if payment["status"] not in ("PAID", "PARTIAL_CANCELLED"):
            return error(409, "PAYMENT_NOT_PAID")
        left = payment["total"] - sum(x["totalAmount"] for x in payment["cancellations"])
        if body.get("currentCancellableAmount", left) != left:
            return error(409, "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN")
        amount = body.get("amount", left)
        if amount > left:
            return error(409, "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT")
        made = {"status": "SUCCEEDED", "id": f"c{len(self.books)}", "totalAmount": amount,
                "reason": body["reason"], "requestedAt": now(), "cancelledAt": now()}
        payment["cancellations"].append(made)
        payment["status"] = "CANCELLED" if amount == left else "PARTIAL_CANCELLED"
        self.books.append(["refund", order, amount])
        return 200, {"cancellation": made}

    def capture(self, payment):
        payment["status"] = "PAID"
        payment["paidAt"] = now()
        self.books.append(["capture", payment["id"], payment["total"]])

    @staticmethod
    def view(payment):
        """The fields of a payment that anybody could come to depend on."""
        spent = sum(x["totalAmount"] for x in payment["cancellations"])
        total = payment["total"]
        out = {"status": payment["status"], "id": payment["id"], "transactionId": payment["tx"],
               "merchantId": "merchant-fake", "storeId": STORE_ID, "version": "V2",
               "channel": {"type": "TEST", "pgProvider": "TOSSPAYMENTS"}, "orderName": "ticket",
               "amount": {"total": total, "taxFree": 0, "discount": 0, "paid": total,
                          "cancelled": spent, "cancelledTaxFree": 0},
               "currency": "KRW", "customer": {}, "requestedAt": payment["at"],
               "updatedAt": payment["at"], "cancellations": list(payment["cancellations"])}
        return {**out, "paidAt": payment["paidAt"]} if payment["paidAt"] else out

    # -- control ------------------------------------------------------------------------------

    def authenticate(self, order, amount, token, **how):
        with self.lock:
            self.payments[order] = {
                "id": order, "total": amount, "token": token, "tx": f"tx-{len(self.payments)}",
                "status": "READY", "paidAt": None, "at": now(), "cancellations": [],
                "declined": how.get("declined", False), "by_deposit": how.get("by_deposit", False)}

    def control(self, what, body):
        with self.lock:
            if what == "authenticate":
                body = dict(body)
                self.authenticate(body.pop("orderId"), body.pop("amount"),
                                  body.pop("paymentKey"), **body)
                return {}
            if what == "cancel":  # By hand, at the provider.
                self.cancel(body["orderId"], {"reason": "by hand"})
                return {}
            if what == "forget":  # Idempotency keys live three hours.
                self.answers = {}
                return {}
            if what == "books":
                return {"books": self.books}
            return super().control(what, body)


def main():
    fake = PortOneFake()
    env = {**os.environ, "TIKETI_PORTONE_FAKE": fake.start()}
    status = subprocess.run(sys.argv[1:], env=env, check=False).returncode
    fake.stop()
    return status


if __name__ == "__main__":
    sys.exit(main())
