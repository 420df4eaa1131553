// The contract suite over the in-memory model.
#include <algorithm>
#include <chrono>
#include <random>

#include "persistence/ledger/model_driver.hpp"
#include "tests/integration/ledger_contract.hpp"

namespace tk {

namespace {

struct seeded final : entropy {
  std::mt19937_64 engine{20'260'321};
  uint64_t next() override { return engine(); }
};

class model_world final : public ledger_world {
public:
  batch_executor& executor() override { return model_; }
  instant now() override { return model_.now(); }
  void wait_past(instant x) override { model_.set_now(x + millis{1}); }
  entropy& random() override { return random_; }

  int64_t epoch_of(uint16_t shard) override { return rows().epochs.at(shard); }
  void set_epoch(uint16_t shard, int64_t epoch) override { rows().epochs.at(shard) = epoch; }
  void add_user(user_id x) override { rows().users[x] = instant{}; }
  void add_event(const event_seed& x) override {
    event_row row;
    row.id = x.id;
    row.known = true;
    row.cancelled = x.cancelled;
    row.sale_start = x.sale_start;
    row.sale_end = x.sale_end;
    rows().events[x.id] = row;
  }
  void add_seat(const seat_seed& x) override {
    rows().seats[x.id] = {x.event, x.block_no, x.price, x.version, x.fence, 'a', {}, {}};
  }
  void add_type(const type_seed& x) override {
    rows().types[x.id] = {x.event, x.available, x.total};
  }
  artist_id add_artist(event_id x) override {
    return rows().artists[x] = make_id<artist_id>(random());
  }
  void add_membership(user_id x, artist_id of, int32_t points, instant expires_at) override {
    rows().memberships[{x, of}] = {points, expires_at, make_id<reservation_id>(random_),
                                   {},     "active",   {}};
  }
  void cancel_event(event_id x) override { rows().events.at(x).cancelled = true; }
  void pin(reservation_id x) override { rows().reservations.at(x).row.pinned = true; }
  void confirm(reservation_id x) override {
    rows().reservations.at(x).row.status = reservation_status::confirmed;
    for (auto& [id, seat] : rows().seats)
      if (seat.reservation == x) seat.status = 'r';
  }
  void set_expiry(reservation_id x, instant at) override {
    rows().reservations.at(x).row.expires_at = at;
  }

  reservation_id add_unpaid(user_id x, artist_id of, won price, int32_t points) override {
    auto& m = rows().memberships[{x, of}];
    m.id = make_id<reservation_id>(random_);
    m.price = price;
    m.points = points;
    m.status = "pending";
    return m.id;
  }
  reservation_id add_listing(reservation_id x, user_id seller, artist_id of, won price) override {
    auto id = make_id<reservation_id>(random_);
    rows().listings[id] = {x, seller, {}, of, price, "listed"};
    return id;
  }
  void end_listing(reservation_id x) override { rows().listings.at(x).status = "cancelled"; }
  subject_entry subject(payment_subject of, reservation_id x) override {
    if (of == payment_subject::transfer)
      return {rows().listings.at(x).status, rows().listings.at(x).buyer, 0, {}};
    for (const auto& [whose, m] : rows().memberships)
      if (m.id == x) return {m.status, whose.first, m.points, m.expires_at};
    return {};
  }

  std::optional<seat_row> seat(seat_id x) override { return model_.seat(x); }
  std::optional<reservation_row> reservation(reservation_id x) override {
    auto found = model_.read(load_reservation{x});
    return found.found ? std::optional{found.row} : std::nullopt;
  }
  int shard_of_reservation(reservation_id x) override {
    const auto i = rows().reservations.find(x);
    return i == rows().reservations.end() ? -1 : i->second.shard;
  }
  int32_t available(ticket_type_id x) override { return rows().types.at(x).available; }
  std::vector<history_entry> history(reservation_id x) override {
    std::vector<history_entry> out;
    for (const auto& y : rows().history)
      if (y.reservation == x) out.push_back({y.from, y.to, y.actor, y.request});
    return out;
  }
  std::vector<outbox_entry> outbox(reservation_id x) override {
    std::vector<outbox_entry> out;
    for (const auto& y : rows().outbox)
      if (y.key == to_string(x)) out.push_back({y.shard, y.topic, y.type});
    return out;
  }
  std::vector<outbox_entry> outbox_of(const std::string& order_id) override {
    std::vector<outbox_entry> out;
    for (const auto& y : rows().outbox)
      if (y.key == order_id) out.push_back({y.shard, y.topic, y.type});
    return out;
  }
  std::optional<payment_entry> payment(payment_id x) override {
    const auto i = rows().payments.find(x);
    if (i == rows().payments.end()) return std::nullopt;
    const auto& y = i->second;
    return payment_entry{y.reservation, y.user,   y.order_id, y.key,
                         y.method,      y.status, y.amount,   y.refunded};
  }
  std::optional<attempt_entry> attempt(attempt_id x) override {
    const auto i = rows().attempts.find(x);
    if (i == rows().attempts.end()) return std::nullopt;
    const auto& y = i->second;
    return attempt_entry{y.status, y.asked, y.started_at, y.closed_at, y.next_ask_at};
  }
  std::optional<refund_entry> refund(refund_id x) override {
    const auto i = rows().refunds.find(x);
    if (i == rows().refunds.end()) return std::nullopt;
    const auto& y = i->second;
    return refund_entry{y.attempt, y.amount, y.done, y.tries, y.next_try_at};
  }
  std::map<std::string, int64_t> books(attempt_id x) override {
    std::map<std::string, int64_t> out;
    for (const auto& y : rows().books)
      if (y.attempt == x) out[y.account] += y.amount.amount;
    std::erase_if(out, [](const auto& y) { return y.second == 0; });
    return out;
  }
  std::vector<ticket_entry> tickets(reservation_id x) override {
    std::vector<ticket_entry> out;
    for (const auto& [id, y] : rows().tickets)
      if (y.reservation == x)
        out.push_back(
          {id, y.number, y.status, y.seat, y.type, y.event, y.user, y.price, y.used_by, y.used_at});
    std::sort(out.begin(), out.end(),
              [](const auto& a, const auto& b) { return a.number < b.number; });
    return out;
  }
  std::string payment_status(reservation_id x) override {
    return rows().reservations.at(x).payment_status;
  }
  std::vector<family_entry> families(user_id x) override {
    std::vector<family_entry> out;
    for (const auto& [hash, y] : rows().tokens)
      if (y.user == x) out.push_back({y.family, hash, y.revoked, y.expires_at});
    std::ranges::stable_sort(out, {}, &family_entry::id);
    return out;
  }
  std::optional<family_state> family(family_id x) override {
    const auto i = rows().families.find(x);
    if (i == rows().families.end()) return std::nullopt;
    const auto& y = i->second;
    return family_state{y.generation, y.revoked, y.expires_at, y.user_agent, y.address};
  }
  void set_password(user_id x, const std::string& hash) override {
    rows().credentials[x].password_hash = hash;
  }
  credentials_entry credentials(user_id x) override {
    const auto& y = rows().credentials[x];
    return {y.password_hash, y.number, y.closed};
  }
  void age_rotation(family_id x, millis by) override { rows().families.at(x).rotated_at -= by; }
  instant revoked_before(user_id x) override { return rows().users.at(x); }
  checkout_rows checkout(const load_checkout& x) override { return model_.read(x); }
  room_rows room(event_id x) override { return model_.read(load_room{x}); }
  gate_rows gate(event_id x) override { return model_.read(load_gate{x}); }
  std::vector<event_id> rooms_alive() override { return model_.read(find_live_rooms{}).rows; }
  std::vector<event_id> gates_open() override { return model_.read(find_open_gates{}).rows; }
  event_inventory inventory(event_id x) override { return model_.read(load_inventory{x}); }
  std::vector<admission_entry> admissions(event_id x) override {
    constexpr const char* reasons[] = {"", "left", "expired", "paid", "cleared"};
    std::vector<admission_entry> out;
    for (const auto& [key, y] : rows().rooms[x].slots)
      out.push_back({key.first, key.second, y.user, y.place, y.admitted_at, y.hard_end, y.ended_at,
                     y.ended_at == instant{} ? "" : reasons[static_cast<size_t>(y.why)]});
    return out;
  }
  row_counts counts() override {
    row_counts n;
    n.reservations = static_cast<int64_t>(rows().reservations.size());
    for (const auto& [id, r] : rows().reservations)
      n.items += static_cast<int64_t>(r.row.items.size());
    n.history = static_cast<int64_t>(rows().history.size());
    n.outbox = static_cast<int64_t>(rows().outbox.size());
    n.families = static_cast<int64_t>(rows().families.size());
    n.tokens = static_cast<int64_t>(rows().tokens.size());
    n.payments = static_cast<int64_t>(rows().payments.size());
    n.attempts = static_cast<int64_t>(rows().attempts.size());
    n.refunds = static_cast<int64_t>(rows().refunds.size());
    n.books = static_cast<int64_t>(rows().books.size());
    n.tickets = static_cast<int64_t>(rows().tickets.size());
    n.keys = static_cast<int64_t>(rows().request_keys.size());
    n.gates = static_cast<int64_t>(rows().gates.size());
    n.rooms = static_cast<int64_t>(rows().rooms.size());
    for (const auto& [id, r] : rows().rooms) {
      n.room_log += static_cast<int64_t>(r.log.size());
      n.admissions += static_cast<int64_t>(r.slots.size());
    }
    return n;
  }

private:
  model_rows& rows() { return model_.rows; }

  ledger_model model_{from_ms(1'774'000'000'000)};
  seeded random_;
};

} // namespace

std::unique_ptr<ledger_world> make_ledger_world() { return std::make_unique<model_world>(); }

} // namespace tk
