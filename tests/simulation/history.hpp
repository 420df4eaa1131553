#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "actors/base/errors.hpp"
#include "actors/base/ids.hpp"
#include "actors/base/items.hpp"
#include "tests/simulation/linearizability.hpp"
#include "tests/simulation/maps.hpp"

namespace tk::sim {

/// One wish of somebody and what they were told.
struct told_hold {
  user_id user;
  std::string key, digest;
  std::vector<wanted_item> items;
  instant asked, answered;
  ec is = ec::unknown;
  reservation_id id;
  instant token;         ///< When the token they came with was issued.
  bool replayed = false; ///< Told of an earlier one: by key, or because they hold what they want.
  bool pending = false;  ///< It is a live hold.
  instant expires_at;
  std::vector<held_item> made;      ///< What the reservation has.
  std::vector<wanted_item> refused; ///< What stood in the way.
};

/// What somebody was told about an order of theirs.
struct told_change {
  reservation_id reservation;
  ec is = ec::unknown;
  instant asked, answered;
};

/// What all clients did and were told, and nothing else: no row, no commit. At the end it must be
/// explained, seat by seat, by a seat that does one thing at a time (I5).
class history {
public:
  /// @param ttl of a hold that nobody was told the end of.
  explicit history(millis ttl) : ttl_(ttl) {
    // nop
  }
  /// Requests may arrive twice: one that was refused may have happened by its twin.
  bool twins = false;

  /// As much older than a refusal may a map be: a block tells its board four times a second.
  millis maps_behind{300};

  void heard(const told_hold& x);
  /// What is wrong with it beside what was shown before, or empty.
  std::string saw(const told_map& x);
  void heard_cancel(const told_change& x) { note(x, ends_); }
  void heard_payment(const told_change& x) { note(x, sales_); }
  /// An order ends once, as a hold or sold.
  void heard_refund(const told_change& x) { note(x, ends_); }

  /// What is wrong, or empty. @param old as long may a refusal be behind the time.
  std::string check(millis old);
  [[nodiscard]] uint64_t seats_checked() const { return checked_; }
  [[nodiscard]] uint64_t undecided() const { return undecided_; }

private:
  /// Something that happens at most once, from all that was said of it.
  struct once {
    std::optional<instant> from, until; ///< Until: it has happened by then.
    void ask(instant x) { from = from ? std::min(*from, x) : x; }
    void know(instant x) { until = until ? std::min(*until, x) : x; }
  };
  struct wish {
    once take;
    std::vector<seat_id> seats;
    std::optional<instant> lapses;
  };
  struct seen {
    seat_act what;
    reservation_id whose;
    instant asked, answered;
  };
  /// A wish that was not granted: while it was open its seats may have been shown as held.
  struct vain_wish {
    instant asked, answered;
  };
  using changes = std::map<reservation_id, once>;
  using ops_by_seat = std::map<seat_id, std::vector<seat_op>>;
  void note(const told_change& x, changes& to) const;
  void add(ops_by_seat& to, const wish& x, reservation_id id, uint32_t whose) const;
  void add_looks(ops_by_seat& to, millis old) const;
  [[nodiscard]] bool may_be_a_claim(const look_at_seat& x, millis old) const;
  [[nodiscard]] bool may_have_run_out(const look_at_seat& x, millis old) const;
  /// The clock of who shows the map may be a moment further than the ledger's.
  [[nodiscard]] bool may_be_ahead(const look_at_seat& x) const;
  [[nodiscard]] std::string check_returns() const;

  millis ttl_;
  std::map<reservation_id, wish> known_;
  /// Of which nobody knows what became: by user, key and payload, without a key by its number.
  std::map<std::tuple<user_id, std::string, std::string>, wish> unknown_;
  std::map<std::tuple<user_id, std::string, std::string>, reservation_id> told_;
  changes ends_, sales_;
  std::map<seat_id, std::vector<seen>> seen_;
  std::map<seat_id, std::vector<vain_wish>> vain_;
  map_history maps_;
  std::optional<instant> begin_; ///< Of whatever is known.
  uint64_t keyless_ = 0, checked_ = 0, undecided_ = 0;
};

} // namespace tk::sim
