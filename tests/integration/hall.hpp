#pragma once

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "persistence/ledger/messages.hpp"
#include "tests/integration/pg_fixture.hpp"

namespace tk::test {

/// An event on sale with numbered seats, and ops on them that are right as they stand.
struct hall {
  test_database home;
  pg::connection db = home.connect();
  counting_entropy source;
  event_id event = make_id<event_id>(source);
  std::vector<seat_id> seats;

  explicit hall(int n = 10) {
    // Not kept waiting when a test takes the standby away.
    must(db, "SET synchronous_commit = off");
    pg::params p;
    p.add_id(event);
    must(db,
         "INSERT INTO events (id, title, venue, event_date, sale_start_date) VALUES "
         "($1, 'Event', 'Hall', now() + interval '1 day', now() - interval '1 day')",
         p);
    p.add_int4(n);
    must(db,
         "INSERT INTO seats (event_id, block_no, section, row_number, seat_number, seat_label, "
         "price) SELECT $1, 1, 'A', 1, g, 'A-1-' || g, 1000 FROM generate_series(1, $2::int) g",
         p);
    auto rows = must(db, "SELECT id FROM seats ORDER BY seat_number");
    for (int i = 0; i < rows.rows(); ++i) seats.push_back(rows.uuid<seat_id>(i, 0));
  }

  op_ptr reserve(size_t seat, int64_t epoch = 1, uint16_t shard = 5) {
    create_reservation x;
    x.id = make_id<reservation_id>(source);
    x.user = make_id<user_id>(source);
    x.event = event;
    x.number = "TK" + to_string(x.id);
    x.total = won{1000};
    x.operation = "seats.reserve";
    x.deadline = instant::max();
    x.session = x.event_owner = {shard, epoch};
    create_item item;
    item.seat = seats.at(seat);
    item.fence = 1;
    item.price = won{1000};
    item.block = {shard, epoch};
    item.block_no = 1;
    x.items.push_back(item);
    return std::make_shared<op>(std::move(x));
  }

  /// Opens an order for a reservation of one seat and pins it by an attempt that is returned.
  begin_attempt pay(reservation_id id, batch_executor& to) {
    open_payment order;
    order.id = make_id<payment_id>(source);
    order.order_id = "ORD_1_" + to_string(order.id);
    order.reservation = id;
    order.checkout = {5, 1};
    begin_attempt x;
    x.id = make_id<attempt_id>(source);
    x.payment = order.id;
    x.reservation = id;
    x.amount = won{1000};
    x.provider = "mock";
    x.payment_key = to_string(x.id);
    x.method = "toss";
    x.checkout = x.block = {5, 1};
    for (const auto& what : {op{order}, op{x}}) {
      auto answer = to.execute({{std::make_shared<op>(what)}});
      if (answer.verdicts.size() != 1 || answer.verdicts.front().is != outcome::ok)
        throw std::runtime_error("not pinned: " + answer.error);
    }
    return x;
  }

  op_ptr sell(const begin_attempt& paid, size_t seat, const std::string& number) {
    complete_payment x;
    x.attempt = paid.id;
    x.payment = paid.payment;
    x.reservation = paid.reservation;
    x.amount = paid.amount;
    x.checkout = {5, 1};
    new_ticket made{make_id<ticket_id>(source), number};
    x.items.push_back({seats.at(seat), {}, 1, 1, {5, 1}, {made}});
    return std::make_shared<op>(std::move(x));
  }

  int64_t reservations() { return number(db, "SELECT count(*) FROM reservations"); }

  /// With a standby that does not exist, a COMMIT waits for ever. Backends and the checkpointer,
  /// which tells them that there is somebody to wait for, each read the configuration when they get
  /// round to it: only a COMMIT that waits shows that all have.
  void standby(const char* name) {
    must(db, (std::string{"ALTER SYSTEM SET synchronous_standby_names = '"} + name + "'").c_str());
    must(db, "SELECT pg_reload_conf()");
    while (text(db, "SHOW synchronous_standby_names") != name)
      std::this_thread::sleep_for(millis{10});
    while (*name != 0 && !commits_wait()) std::this_thread::sleep_for(millis{10});
  }

  /// Commits something, and tells whether that had to wait until it was cancelled.
  bool commits_wait() {
    auto other = home.connect();
    std::atomic<bool> done = false;
    std::thread one{[&] {
      must(other, "SELECT pg_logical_emit_message(true, 'probe', '')");
      done = true;
    }};
    pg::params p;
    p.add_int4(other.backend_pid());
    bool waited = false;
    while (!done && !waited)
      waited = number(db,
                      "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE pid = $1 "
                      "AND wait_event = 'SyncRep'",
                      p) == 1;
    one.join();
    return waited;
  }

  /// Waits until the driver's backend waits for the standby.
  void wait_for_sync_wait(int pid) {
    pg::params p;
    p.add_int4(pid);
    while (number(db,
                  "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 "
                  "AND wait_event = 'SyncRep'",
                  p) == 0)
      std::this_thread::sleep_for(millis{5});
  }

  /// Waits until somebody in this database waits for a lock.
  void wait_for_lock_wait() {
    while (number(db, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                      "AND wait_event_type = 'Lock'") == 0)
      std::this_thread::sleep_for(millis{2});
  }

  void end_backend(int pid) {
    pg::params p;
    p.add_int4(pid);
    must(db, "SELECT pg_terminate_backend($1, 5000)", p);
  }
  bool lives(int pid) {
    pg::params p;
    p.add_int4(pid);
    return number(db, "SELECT count(*) FROM pg_stat_activity WHERE pid = $1", p) == 1;
  }
  int64_t epoch_of(int shard) {
    pg::params p;
    p.add_int4(shard);
    return number(db, "SELECT epoch FROM shard_owners WHERE shard = $1", p);
  }
  void age(node_id x) {
    pg::params p;
    p.add_id(x);
    must(db, "UPDATE nodes SET seen_at = clock_timestamp() - interval '4 s' WHERE node = $1", p);
  }
};

inline reservation_id id_of(const op_ptr& x) { return std::get<create_reservation>(*x).id; }

inline std::string status(const batch_result& x) { return std::string{to_string(x.is)}; }

inline std::string first(const batch_result& x) {
  return x.verdicts.empty() ? status(x) : std::string{to_string(x.verdicts.front().is)};
}

} // namespace tk::test
