"""A fake of Toss Payments that speaks its wire format (API v1), with books of its own.

What a browser does on the provider's page is `POST /fake/authenticate {orderId, amount,
paymentKey}`. As a program: toss_fake.py CMD [ARG ...] runs CMD, which finds it in TIKETI_TOSS_FAKE.
"""
import base64
import datetime
import os
import re
import subprocess
import sys

from fake_server import Fake

SECRET_KEY = "test_sk_fake"


def now():
    korea = datetime.timezone(datetime.timedelta(hours=9))
    return datetime.datetime.now(korea).isoformat(timespec="seconds")


def error(status, code, text="no"):
    return status, {"code": code, "message": text}


class TossFake(Fake):
    paths = [("POST", r"/v1/payments/confirm", "confirm"),
             ("GET", r"/v1/payments/orders/([^/]+)", "query"),
             ("POST", r"/v1/payments/([^/]+)/cancel", "cancel"),
             ("GET", r"/v1/payments/([^/]+)", "look")]

    def __init__(self):
        super().__init__()
        self.payments = {}  # By payment key.
        self.answers = {}   # By idempotency key: what was asked and answered.
        self.books = []     # [what, payment key, amount]

    def route(self, method, path):
        for wanted, pattern, step in self.paths:
            found = re.fullmatch(pattern, path)
            if found and method == wanted:
                return step, (found.groups() or ("",))[0]
        return None

    def handle(self, step, argument, body, headers):
        given = base64.b64encode(f"{SECRET_KEY}:".encode()).decode()
        if headers.get("Authorization") != f"Basic {given}":
            return error(401, "UNAUTHORIZED_KEY")
        key = headers.get("Idempotency-Key")
        with self.lock:
            self.calls.append([step, key])
            if key and key in self.answers:
                asked, answer = self.answers[key]
                return answer if asked == [step, argument, body] else error(
                    400, "INVALID_IDEMPOTENCY_KEY")
            answer = getattr(self, step)(argument, body)
            if key and answer[0] < 500:
                self.answers[key] = ([step, argument, body], answer)
            return answer

    def forge(self, answer):
        return {**answer, "orderId": "ORD_1_FORGED", "totalAmount": 1}

    # -- the API ------------------------------------------------------------------------------

    def confirm(self, _, body):
        payment = self.payments.get(body["paymentKey"])
        if not payment:
            return error(404, "NOT_FOUND_PAYMENT")
        if payment["status"] == "DONE":
            return error(400, "ALREADY_PROCESSED_PAYMENT")
        if payment["status"] != "IN_PROGRESS":
            return error(404, "NOT_FOUND_PAYMENT_SESSION")
        if (payment["orderId"], payment["totalAmount"]) != (body["orderId"], body["amount"]):
            return error(400, "INVALID_REQUEST")
        if payment["declined"]:
            payment["status"] = "ABORTED"
            return error(403, "REJECT_CARD_PAYMENT", "한도초과 혹은 잔액부족으로 결제에 실패했습니다.")
        if payment["by_deposit"]:
            payment["status"] = "WAITING_FOR_DEPOSIT"
            return 200, self.view(payment)
        self.capture(payment)
        return 200, self.view(payment)

    def query(self, order_id, _):
        of_order = [x for x in self.payments.values() if x["orderId"] == order_id]
        return (200, self.view(of_order[-1])) if of_order else error(404, "NOT_FOUND_PAYMENT")

    def look(self, payment_key, _):
        payment = self.payments.get(payment_key)
        return (200, self.view(payment)) if payment else error(404, "NOT_FOUND_PAYMENT")

    def cancel(self, payment_key, body):
        payment = self.payments.get(payment_key)
        if not payment:
            return error(404, "NOT_FOUND_PAYMENT")
        if payment["status"] == "WAITING_FOR_DEPOSIT":
            payment["status"] = "CANCELED"
            return 200, self.view(payment)
        if payment["status"] == "CANCELED":
            return error(400, "ALREADY_CANCELED_PAYMENT")
        if payment["status"] not in ("DONE", "PARTIAL_CANCELED"):
            return error(403, "NOT_CANCELABLE_PAYMENT")
        left = payment["totalAmount"] - sum(x["cancelAmount"] for x in payment["cancels"] or [])
        amount = body.get("cancelAmount", left)
        if amount > left:
            return error(403, "NOT_CANCELABLE_AMOUNT")
        if payment["refunds_refused"] > 0:
            payment["refunds_refused"] -= 1
            return error(403, "NOT_CANCELABLE_PAYMENT")
        payment["cancels"] = (payment["cancels"] or []) + [{
            "cancelAmount": amount, "cancelReason": body["cancelReason"], "canceledAt": now(),
            "cancelStatus": "DONE", "transactionKey": f"tx{len(self.books)}"}]
        payment["status"] = "CANCELED" if amount == left else "PARTIAL_CANCELED"
        self.books.append(["refund", payment_key, amount])
        return 200, self.view(payment)

    def capture(self, payment):
        payment["status"] = "DONE"
        payment["approvedAt"] = now()
        self.books.append(["capture", payment["paymentKey"], payment["totalAmount"]])

    @staticmethod
    def view(payment):
        """The fields of a payment object that anybody could come to depend on."""
        hidden = ("declined", "by_deposit", "refunds_refused")
        spent = sum(x["cancelAmount"] for x in payment["cancels"] or [])
        return {"mId": "tvivarepublica", "version": "2022-11-16", "orderName": "ticket",
                **{k: v for k, v in payment.items() if k not in hidden},
                "cancels": payment["cancels"] and [dict(x) for x in payment["cancels"]],
                "balanceAmount": payment["totalAmount"] - spent, "currency": "KRW",
                "method": "카드", "type": "NORMAL", "country": "KR"}

    # -- control ------------------------------------------------------------------------------

    def authenticate(self, order_id, amount, payment_key, **how):
        with self.lock:
            self.payments[payment_key] = {
                "paymentKey": payment_key, "orderId": order_id, "totalAmount": amount,
                "status": "IN_PROGRESS", "requestedAt": now(), "approvedAt": None,
                "cancels": None, "declined": how.get("declined", False),
                "by_deposit": how.get("by_deposit", False),
                "refunds_refused": how.get("refunds_refused", 0)}

    def control(self, what, body):
        with self.lock:
            if what == "authenticate":
                body = dict(body)
                self.authenticate(body.pop("orderId"), body.pop("amount"),
                                  body.pop("paymentKey"), **body)
                return {}
            if what == "set":  # As somebody at the provider's own page would.
                self.payments[body.pop("paymentKey")].update(body)
                return {}
            if what == "cancel":  # By hand, at the provider.
                self.cancel(body["paymentKey"], {"cancelReason": "by hand"})
                return {}
            if what == "forget":  # Idempotency keys live 15 days.
                self.answers = {}
                return {}
            if what == "books":
                return {"books": self.books}
            return super().control(what, body)


def main():
    fake = TossFake()
    env = {**os.environ, "TIKETI_TOSS_FAKE": fake.start()}
    status = subprocess.run(sys.argv[1:], env=env, check=False).returncode
    fake.stop()
    return status


if __name__ == "__main__":
    sys.exit(main())
