// tiketi-history FILE: judges what clients of real nodes wrote down, by the simulation's own
// checker (I5), and compares it with the rows. Written by tests/integration/cluster/chaos_crowd.py.
#include <array>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/simulation/history.hpp"
#include "tests/simulation/names.hpp"

namespace tk::sim {

namespace {

using nlohmann::json;

/// A refusal may come from a memory that is as old: who calls a seat sold reads it again after a
/// minute, when the message that the sale was taken back is lost (docs/simulation.md).
constexpr millis refusals_may_be_old{65'000};
constexpr size_t complaints_max = 20;

/// What the code of an answer says of the request. Codes that several errors share mean the same.
ec code_of(const std::string& name) {
  if (name == "OK") return ec::ok;
  static constexpr std::array known = {ec::seat_contested,
                                       ec::seat_held,
                                       ec::seat_sold,
                                       ec::already_cancelled,
                                       ec::reservation_expired,
                                       ec::reservation_pinned,
                                       ec::reservation_unknown,
                                       ec::already_paid,
                                       ec::not_payable,
                                       ec::hold_over,
                                       ec::paid_too_late,
                                       ec::payment_pending,
                                       ec::provider_away,
                                       ec::busy,
                                       ec::unavailable,
                                       ec::late,
                                       ec::moved,
                                       ec::idempotency_conflict,
                                       ec::bad_request};
  for (auto x : known)
    if (answer_to(x).code == name) return x;
  // Refused for a reason that says nothing of a seat; those who ask write it as REFUSED.
  if (name == "REFUSED") return ec::bad_request;
  return ec::unknown;
}

std::vector<seat_id> seats_in(const json& x) {
  std::vector<seat_id> out;
  for (auto& seat : x) out.push_back(seat_of(seat.at(0).get<int32_t>(), seat.at(1).get<int32_t>()));
  return out;
}

reservation_id reservation_in(const json& x) {
  return parse_id<reservation_id>(x.at("reservation").get<std::string>())
    .value_or(reservation_id{});
}

/// What somebody was told of one reservation, beside what the ledger has of it.
struct promised {
  std::string user;
  std::set<seat_id> seats;
  bool held = false, cancelled = false, paid = false; ///< Somebody was told so.
  bool may_be_cancelled = false, may_be_paid = false; ///< Somebody has asked for it.
};
struct row {
  std::string user, status;
  std::set<seat_id> seats;
};

class judge {
public:
  explicit judge(millis ttl) : told_(ttl) {
    // nop
  }

  void hear(const json& x) {
    auto op = x.at("op").get<std::string>();
    if (op == "row") {
      add_row(x);
      return;
    }
    ++operations_;
    if (op == "reserve") hear_wish(x);
    else hear_change(x, op == "pay");
  }

  json verdict() {
    if (auto why = told_.check(refusals_may_be_old); !why.empty()) {
      ++contradictions_;
      complain(why);
    }
    compare();
    count_sold_twice();
    return {{"operations", operations_},         {"acknowledged", acknowledged_},
            {"seats", told_.seats_checked()},    {"undecided", told_.undecided()},
            {"contradictions", contradictions_}, {"lost", lost_},
            {"sold_twice", sold_twice_},         {"wrong", wrong_}};
  }
  [[nodiscard]] bool holds() const {
    return operations_ > 0 && contradictions_ == 0 && lost_ == 0 && sold_twice_ == 0;
  }

private:
  void complain(std::string text) {
    if (wrong_.size() < complaints_max) wrong_.push_back(std::move(text));
  }

  void add_row(const json& x) {
    auto& to = rows_[reservation_in(x)];
    to.user = x.at("user").get<std::string>();
    to.status = x.at("status").get<std::string>();
    for (auto seat : seats_in(x.at("seats"))) to.seats.insert(seat);
  }

  void hear_wish(const json& x) {
    told_hold out;
    auto user = x.at("user").get<std::string>();
    out.user = parse_id<user_id>(user).value_or(user_id{});
    out.key = x.at("key").get<std::string>();
    for (auto seat : seats_in(x.at("seats"))) out.items.push_back({seat, 0});
    out.asked = from_ms(x.at("asked").get<int64_t>());
    out.answered = from_ms(x.at("answered").get<int64_t>());
    out.is = code_of(x.at("code").get<std::string>());
    if (out.is == ec::ok) {
      out.id = reservation_in(x);
      out.replayed = x.value("replayed", false);
      out.pending = x.at("pending").get<bool>();
      out.expires_at = from_ms(x.at("expires").get<int64_t>());
      auto& promise = promises_[out.id];
      promise.user = user;
      promise.held = true;
      ++acknowledged_;
      for (auto seat : seats_in(x.at("made"))) {
        held_item item;
        item.seat = seat;
        out.made.push_back(item);
        promise.seats.insert(seat);
      }
    } else if (x.contains("refused"))
      for (auto seat : seats_in(x.at("refused"))) out.refused.push_back({seat, 0});
    told_.heard(out);
  }

  void hear_change(const json& x, bool is_payment) {
    told_change out{reservation_in(x), code_of(x.at("code").get<std::string>()),
                    from_ms(x.at("asked").get<int64_t>()),
                    from_ms(x.at("answered").get<int64_t>())};
    auto& promise = promises_[out.reservation];
    (is_payment ? promise.may_be_paid : promise.may_be_cancelled) = true;
    if (out.is == ec::ok) {
      (is_payment ? promise.paid : promise.cancelled) = true;
      ++acknowledged_;
    }
    if (is_payment) told_.heard_payment(out);
    else told_.heard_cancel(out);
  }

  void lose(reservation_id id, const std::string& why) {
    ++lost_;
    complain("reservation " + to_string(id) + " " + why);
  }

  /// Everything that somebody was told is on record, and nothing that nobody has asked for.
  void compare() {
    for (auto& [id, x] : promises_) {
      if (!x.held) continue;
      auto found = rows_.find(id);
      if (found == rows_.end()) {
        lose(id, "was promised and is on no record");
        continue;
      }
      auto& stored = found->second;
      if (stored.user != x.user || stored.seats != x.seats)
        lose(id, "is somebody else's, or of other seats");
      else if (x.cancelled && stored.status != "cancelled")
        lose(id, "is " + stored.status + ", and its owner was told that it is cancelled");
      else if (x.paid && stored.status != "confirmed" && !x.may_be_cancelled)
        lose(id, "is " + stored.status + ", and its owner was told that it is paid");
      else if (stored.status == "confirmed" && !x.may_be_paid)
        lose(id, "is sold, and nobody has paid for it");
      else if (stored.status == "cancelled" && !x.may_be_cancelled)
        lose(id, "is cancelled, and nobody has asked for it");
    }
  }

  void count_sold_twice() {
    std::map<seat_id, reservation_id> owner;
    for (auto& [id, x] : rows_) {
      if (x.status != "confirmed") continue;
      for (auto seat : x.seats) {
        if (owner.emplace(seat, id).second) continue;
        ++sold_twice_;
        complain("reservations " + to_string(id) + " and " + to_string(owner[seat]) +
                 " are sold the same seat");
      }
    }
  }

  history told_;
  std::map<reservation_id, promised> promises_;
  std::map<reservation_id, row> rows_;
  std::vector<std::string> wrong_;
  uint64_t operations_ = 0, acknowledged_ = 0, contradictions_ = 0, lost_ = 0, sold_twice_ = 0;
};

constexpr std::string_view about =
  "tiketi-history FILE TTL_MS\n"
  "  FILE has a line of JSON for everything that clients were told, and for every row that there\n"
  "  is; TTL_MS is the life of a hold. Says what it found, as JSON. Exit codes: 0 it can have "
  "been\n"
  "  so, 1 it cannot, 2 could not be read.\n";

int run(const char* path, const char* ttl_ms) {
  std::ifstream in{path};
  if (!in) {
    std::fprintf(stderr, "tiketi-history: cannot read %s\n", path);
    return 2;
  }
  judge all{millis{std::stoll(ttl_ms)}};
  for (std::string line; std::getline(in, line);) all.hear(json::parse(line));
  auto said = all.verdict();
  std::printf("%s\n", said.dump(2).c_str());
  return all.holds() ? 0 : 1;
}

} // namespace

} // namespace tk::sim

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs(tk::sim::about.data(), stderr);
    return 2;
  }
  try {
    return tk::sim::run(argv[1], argv[2]);
  } catch (const std::exception& e) { // A line that is no JSON, or lacks something.
    std::fprintf(stderr, "tiketi-history: %s\n", e.what());
    return 2;
  }
}
