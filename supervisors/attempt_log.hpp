#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <shared_mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"

/// What was tried and has left no row behind: refusals, claims, and what nobody knows of. Rows tell
/// what happened; this tells people why something did not (`tiketi-inspect why`).
namespace tk {

/// What was tried.
enum class attempt_on : uint8_t {
  claim = 1,    ///< Items of a block, tentatively, for one of its own wishes or another block's.
  hold,         ///< A wish as a whole.
  release,      ///< The end of a hold, by its user or by time.
  payment,      ///< The pin before the provider is asked.
  sale,         ///< What a payment has paid for.
  payment_end,  ///< The end of a pin without money.
  cancellation, ///< Of what was sold.
};
std::string_view to_string(attempt_on x);

/// What came of it.
enum class attempt_fate : uint8_t {
  taken = 1, ///< A claim stands; when it becomes a hold, the rows say so.
  refused,
  given_up, ///< A claim that was not to become a hold: its wish failed elsewhere.
  unknown   ///< Nobody knows; the rows are read until it is known.
};
std::string_view to_string(attempt_fate x);

/// What is asked about: a seat, a ticket type, or a reservation. None shares its bits with another.
struct attempt_subject {
  uint64_t hi = 0, lo = 0;
  template <class Id> static attempt_subject of(const Id& x) { return {x.hi, x.lo}; }
  /// A wanted, held or submitted item.
  template <class Item> static attempt_subject of_item(const Item& x) {
    return x.seat.nil() ? of(x.type) : of(x.seat);
  }
  bool operator==(const attempt_subject&) const = default;
};

struct attempt {
  instant first_at, last_at; ///< The same unless it was repeated.
  uint32_t times = 1;        ///< One after the other, by the same user, with the same end.
  attempt_on what = attempt_on::hold;
  attempt_fate fate = attempt_fate::refused;
  std::string_view why;       ///< Of a refusal; static text.
  bool of_others = false;     ///< Refused for something else that the same wish named.
  reservation_id reservation; ///< Of the last repetition; nil when it never got one.
  user_id user;               ///< Nil: the system, or told by a block that does not know.
  request_id request;         ///< Of the last repetition; nil when not known here.
  int32_t block_no = 0;       ///< Who decided; `unplaced`: the user's session.
  int64_t fence = 0;          ///< Of a claim on a seat: what its hold would get.
};

/// The last attempts of the items and reservations that were wanted lately. Bounded: of each
/// subject as many as `attempts_max`, of subjects as many as were said at the start; the one that
/// nobody has wanted for longest is forgotten first. Asked and written from any thread.
class attempt_log {
public:
  static constexpr size_t attempts_max = 8;
  /// `subjects_max` is shared out evenly, so it is rounded up to a multiple of 16.
  explicit attempt_log(size_t subjects_max = 32'768);

  /// A refusal that repeats the last one of the same user is counted, not added.
  void note(const attempt_subject& about, attempt x);
  /// In order of time. `replaced`: older ones have given way to these.
  struct found {
    std::vector<attempt> attempts;
    bool replaced = false;
  };
  [[nodiscard]] found about(const attempt_subject& x) const;
  /// What names a reservation, with its subject. Looks at everything: for people.
  struct named {
    attempt_subject subject;
    attempt what;
  };
  [[nodiscard]] std::vector<named> of_reservation(const reservation_id& id) const;
  /// When a subject was forgotten for another one, and what was noted last of it; the epoch when
  /// everything since the start is still here.
  [[nodiscard]] instant forgotten_until() const;

private:
  struct subject_hash {
    size_t operator()(const attempt_subject& x) const noexcept {
      return static_cast<size_t>(x.hi ^ (x.lo * 0x9e3779b97f4a7c15u));
    }
  };
  struct kept {
    attempt_subject about;
    std::vector<attempt> attempts;
    bool replaced = false;
  };
  /// The parts share nothing, so that blocks seldom wait for each other.
  struct part {
    mutable std::shared_mutex mutex;
    std::list<kept> by_age; ///< The one that was wanted last is in front.
    std::unordered_map<attempt_subject, std::list<kept>::iterator, subject_hash> index;
    instant forgotten_until;
  };
  part& part_of(const attempt_subject& x);
  [[nodiscard]] const part& part_of(const attempt_subject& x) const;

  static constexpr size_t part_count = 16;
  size_t part_max_;
  std::array<part, part_count> parts_;
};

} // namespace tk
