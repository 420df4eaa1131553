"""200 users, every seat of the small theatre at once."""
import random
import threading

import tiketi_harness as harness

USERS = 200


def test_each_seat_has_one_winner_and_the_answers_equal_the_database(node, db):
    event = db.value("SELECT id FROM events WHERE title = '2025 콘서트 투어 in 서울'")
    before = db.number(f"SELECT count(*) FROM seats WHERE event_id = '{event}' "
                       "AND status <> 'available'")
    seats = [r[0] for r in db.rows(f"SELECT id FROM seats WHERE event_id = '{event}' "
                                   "AND status = 'available'")]
    harness.add_users(db, 1000, USERS)
    won, refused, other = {}, [], []
    guard, start = threading.Lock(), threading.Barrier(USERS)

    def shop(n):
        order = random.Random(n)
        client = node.client(token=harness.access_token(harness.user_uuid(1000 + n)), timeout=60)
        wishes = [order.sample(seats, order.choice((1, 1, 2, 3))) for _ in range(40)]
        start.wait()
        for wish in wishes:
            answer = client.post("/api/seats/reserve", {"eventId": event, "seatIds": wish})
            with guard:
                if answer.status == 200:
                    won[answer.json["reservationId"]] = (
                        harness.user_uuid(1000 + n),
                        sorted(s["id"] for s in answer.json["reservation"]["seats"]))
                elif answer.status in (409, 403):
                    refused.append(answer.json["code"])
                else:
                    other.append(answer)
        client.close()

    threads = [threading.Thread(target=shop, args=(n,)) for n in range(USERS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not [a for a in other if a.status != 503], other[:5]
    taken = [s for _, wish in won.values() for s in wish]
    assert len(taken) == len(set(taken)), "a seat with two winners"
    rows = db.rows(f"SELECT r.id, r.user_id, string_agg(i.seat_id::text, ',' ORDER BY i.seat_id) "
                   f"FROM reservations r JOIN reservation_items i ON i.reservation_id = r.id "
                   f"WHERE r.event_id = '{event}' AND r.status = 'pending' GROUP BY 1, 2")
    stored = {r[0]: (r[1], r[2].split(",")) for r in rows}
    assert {k: v for k, v in stored.items() if k in won} == won
    if not other:
        assert set(stored) == set(won)
    assert db.number(f"SELECT count(*) FROM seats WHERE event_id = '{event}' AND status = 'locked'"
                     ) == before + sum(len(x[1]) for x in stored.values())
    assert set(refused) <= {"SEAT_HELD", "SEAT_YOURS", "SEAT_CONTESTED", "HOLD_LIMIT"}, set(refused)
    assert len(taken) > 200, "almost everything is sold when 200 users want up to 4 of 265 seats"
    assert harness.judge(db) == {}
