#include <map>
#include <memory>

#include "tests/integration/oracle.hpp"
#include "tests/integration/race_lanes.hpp"

namespace tk::test {

namespace {

constexpr int lanes = 4, open_stories = 6, seats_n = 2000;
constexpr int32_t quota = 10'000, units = 2;

/// One reservation, and all that the lanes have tried with it.
struct story {
  create_reservation made;
  payment_id payment; ///< The order that was answered last; nil before the first.
  std::vector<begin_attempt> attempts;
  std::vector<ticket_id> tickets;
  std::vector<op_ptr> sent;
  std::map<std::string, int> ok; ///< By kind of op: how many were answered ok.
};

struct sale final : race_ground {
  std::vector<std::shared_ptr<story>> open; ///< What the lanes fight over now.
  std::vector<std::shared_ptr<story>> all;

  sale() : race_ground(1, quota) {
    auto db = home.connect();
    pg::params p;
    p.add_id(event).add_int4(seats_n);
    must(db,
         "INSERT INTO seats (event_id, block_no, section, row_number, seat_number, seat_label, "
         "price) SELECT $1, 1, 'A', 1, g, 'A-1-' || g, 1000 FROM generate_series(1, $2::int) g",
         p);
  }
};

struct kind_names {
  const char* operator()(const release_reservation&) const { return "release"; }
  const char* operator()(const open_payment&) const { return "open"; }
  const char* operator()(const begin_attempt&) const { return "begin"; }
  const char* operator()(const complete_payment&) const { return "complete"; }
  const char* operator()(const fail_attempt&) const { return "fail"; }
  const char* operator()(const claim_refund&) const { return "claim"; }
  const char* operator()(const cancel_paid&) const { return "cancel"; }
  const char* operator()(const admit_ticket&) const { return "admit"; }
  template <class Other> const char* operator()(const Other&) const { return "other"; }
};

class party : race_lane {
public:
  party(sale& x, int no, const race_config& config) : race_lane(x, no, config), at_(x) {}

  void run() {
    while (!at_.stop) round();
  }

private:
  // -- ops, all as they would be right ----------------------------------------------------------

  op make_opening(const story& x) {
    open_payment y;
    y.id = make_id<payment_id>(random);
    y.order_id = at_.fresh_number("ORD_");
    y.reservation = x.made.id;
    y.checkout = at_.owner();
    return y;
  }

  op make_beginning(story& x) {
    begin_attempt y;
    y.id = make_id<attempt_id>(random);
    y.payment = x.payment;
    y.reservation = x.made.id;
    y.amount = x.made.total;
    y.provider = "mock";
    y.payment_key = at_.fresh_number("key-");
    y.method = "toss";
    y.checkout = y.block = at_.owner();
    x.attempts.push_back(y);
    return y;
  }

  op make_completion(story& x) {
    auto& of = one_of(x.attempts);
    complete_payment y;
    y.attempt = of.id;
    y.payment = of.payment;
    y.reservation = x.made.id;
    y.amount = x.made.total;
    y.approved_at = from_ms(1'790'000'000'000);
    y.checkout = at_.owner();
    for (auto& item : x.made.items) {
      sold_item sold{item.seat, item.type, item.quantity, item.fence, item.block, {}};
      for (int32_t n = 0; n < item.quantity; ++n) {
        sold.tickets.push_back({make_id<ticket_id>(random), at_.fresh_number("T-")});
        x.tickets.push_back(sold.tickets.back().id);
      }
      y.items.push_back(std::move(sold));
    }
    return y;
  }

  op make_failure(story& x) {
    auto& of = one_of(x.attempts);
    auto how = one_in(2) ? attempt_end::declined : attempt_end::untried;
    return fail_attempt{of.id, of.payment, x.made.id, how, "NO", at_.owner(), at_.owner()};
  }

  op make_claim(story& x) {
    return claim_refund{make_id<refund_id>(random), one_of(x.attempts).id, x.made.id, "late",
                        at_.owner()};
  }

  op make_cancel(const story& x) {
    cancel_paid y;
    y.refund = make_id<refund_id>(random);
    y.reservation = x.made.id;
    if (one_in(2)) y.actor = x.made.user;
    y.reason = "user-request";
    y.checkout = at_.owner();
    for (auto& i : x.made.items) y.items.push_back({i.seat, i.type, i.quantity, i.block});
    return y;
  }

  /// A checkout gives back only what it was told is sold. A cancel that was on its way before could
  /// have the older transaction and still find the sale, and the relay, which goes by transactions,
  /// would tell of it first: each step has to be decided after the one before has committed.
  static bool may_cancel(const story& x) { return x.ok.contains("complete"); }

  op make_one(story& x) {
    bool tried = !x.attempts.empty();
    switch (below(12)) {
    case 0: return ending(x.made, release_reason::cancelled);
    case 1:
    case 2: return ending(x.made, release_reason::expired);
    case 3:
      if (may_cancel(x)) return make_cancel(x);
      break;
    case 4:
    case 5:
    case 6:
      if (tried) return make_completion(x);
      break;
    case 7:
      if (tried) return one_in(2) ? make_failure(x) : make_claim(x);
      break;
    case 8:
    case 9:
      if (!x.tickets.empty())
        return admit_ticket{one_of(x.tickets), x.made.id, at_.fresh_number("scan"), {7, 1}};
      break;
    default: break;
    }
    return x.payment.nil() || one_in(4) ? make_opening(x) : make_beginning(x);
  }

  // -- a round ----------------------------------------------------------------------------------

  /// Holds a seat and some standing tickets; half of them run out soon.
  void begin_story() {
    auto row = must(side, "SELECT id, version, fencing_token FROM seats WHERE status = 'available' "
                          "ORDER BY random() LIMIT 1");
    if (row.rows() == 0) return;
    auto x = std::make_shared<story>();
    x->made = order({7, below(5)});
    x->made.items.push_back({row.uuid<seat_id>(0, 0),
                             {},
                             row.int4(0, 1),
                             row.integer(0, 2) + 1,
                             1,
                             won{1000},
                             at_.owner(),
                             1});
    x->made.total += won{1000};
    add(x->made, at_.types.front(), units);
    batch b;
    b.ops.push_back(std::make_shared<const op>(x->made));
    auto said = execute(b);
    if (!said || said->front().is != outcome::ok) return; // Somebody took the seat.
    if (one_in(2)) {
      pg::params p;
      p.add_id(x->made.id).add_int4(static_cast<int32_t>(below(40)));
      must(side,
           "UPDATE reservations SET expires_at = clock_timestamp() + $2 * interval '1 ms' "
           "WHERE id = $1",
           p);
    }
    std::lock_guard lock{at_.guard};
    at_.all.push_back(x);
    if (at_.open.size() < open_stories) at_.open.push_back(x);
    else one_of(at_.open) = x;
  }

  void round() {
    if (one_in(8)) begin_story();
    batch b;
    std::vector<std::shared_ptr<story>> about;
    {
      std::lock_guard lock{at_.guard};
      for (auto n = at_.open.empty() ? 0 : 1 + below(4); n > 0; --n) {
        auto& x = one_of(at_.open);
        bool again = !x->sent.empty() && one_in(6); // A batch that was lost is sent again.
        auto what = again ? one_of(x->sent) : std::make_shared<const op>(make_one(*x));
        x->sent.push_back(what);
        b.ops.push_back(what);
        about.push_back(x);
      }
    }
    if (b.ops.empty()) return begin_story();
    auto said = execute(b);
    if (!said) return;
    std::lock_guard lock{at_.guard};
    for (size_t i = 0; i < b.ops.size(); ++i) digest(*about[i], *b.ops[i], (*said)[i]);
  }

  void digest(story& x, const op& what, const verdict& said) {
    auto kind = std::string{std::visit(kind_names{}, what)};
    ++at_.report.verdicts[kind + " " + std::string{to_string(said.is)}];
    if (kind == "open" && (said.is == outcome::ok || said.is == outcome::replayed))
      x.payment = said.payment;
    if (said.is != outcome::ok) return;
    ++x.ok[kind];
    if (auto* end = std::get_if<release_reservation>(&what))
      ++x.ok[end->reason == release_reason::expired ? "expired" : "cancelled"];
  }

  sale& at_;
};

// -- judging ------------------------------------------------------------------------------------

std::string expected_status(story& x) {
  if (x.ok["cancel"] > 0 || x.ok["cancelled"] > 0) return "cancelled";
  if (x.ok["expired"] > 0) return "expired";
  return x.ok["complete"] > 0 ? "confirmed" : "pending";
}

/// What was answered about a reservation against its rows.
void judge_story(pg::connection& db, story& x, std::vector<std::string>& out) {
  pg::params p;
  p.add_id(x.made.id);
  auto row = must(db,
                  "SELECT r.status, (SELECT count(*) FROM refunds f WHERE f.reservation_id = r.id),"
                  " (SELECT count(*) FROM tickets k WHERE k.reservation_id = r.id "
                  "AND k.used_at IS NOT NULL), (SELECT count(*) FROM payment_attempts a WHERE "
                  "a.reservation_id = r.id), (SELECT count(*) FROM payments y WHERE "
                  "y.reservation_id = r.id) FROM reservations r WHERE r.id = $1",
                  p);
  auto say = [&](const char* text) { out.push_back(text + (": " + to_string(x.made.id))); };
  if (x.ok["complete"] + x.ok["release"] > 1) say("it was sold and ended, or one of them twice");
  if (x.ok["cancel"] > x.ok["complete"]) say("it was cancelled oftener than it was sold");
  if (row.text(0, 0) != expected_status(x)) say("its status is not what was answered");
  if (row.integer(0, 1) != x.ok["cancel"] + x.ok["claim"]) say("refunds are not what was answered");
  if (row.integer(0, 2) != x.ok["admit"]) say("admissions are not what was answered");
  if (row.integer(0, 3) != x.ok["begin"]) say("attempts are not what was answered");
  if (row.integer(0, 4) != x.ok["open"]) say("orders are not what was answered");
}

} // namespace

race_report run_payment_race(const race_config& config) {
  sale x;
  race(x, lanes, config, [&](int no) { party{x, no, config}.run(); });
  auto db = x.home.connect();
  x.report.judge(db);
  for (auto& text : broken_money_rules(db)) x.report.violations.push_back(text);
  for (auto& one : x.all) judge_story(db, *one, x.report.violations);
  x.report.verdicts["stories"] = static_cast<int64_t>(x.all.size());
  return x.report;
}

} // namespace tk::test
