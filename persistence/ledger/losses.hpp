#pragma once

#include <array>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "actors/base/time.hpp"
#include "persistence/ledger/core.hpp"

/// What a fail-over has lost of what was answered, as the drivers find it and operators hear it
/// (ledger.md section 10).
namespace tk {

/// Something that was answered `ok` and that the server does not have.
struct missing_op {
  std::string what; ///< "reservation made", "refund begun" and the like.
  std::string id;   ///< Of what `what` names.
  instant at;       ///< Ledger time of its judgement.
  bool operator==(const missing_op&) const = default;
};

/// How an op is told to operators. No secret is in it.
missing_op told_as_missing(const op& what, instant at);

/// What one lane suspects.
struct loss_report {
  std::string suspicion;           ///< Empty: none, and the rest says nothing.
  bool looked = false;             ///< All that is kept has been looked for.
  bool older_too = false;          ///< All that is kept is missing, and older ones were forgotten.
  std::vector<missing_op> missing; ///< The newest first.
  bool operator==(const loss_report&) const = default;
};

/// What all lanes of a node suspect; each writes its own, anybody reads.
class loss_book {
public:
  using reports = std::array<loss_report, lane_count>;

  void write(size_t lane, loss_report x);
  [[nodiscard]] reports read() const;

private:
  mutable std::mutex mutex_;
  reports reports_;
};

/// Whether any lane suspects a loss.
bool suspected(const loss_book::reports& x);
/// Whether every lane that does has looked for all that it keeps.
bool looked(const loss_book::reports& x);
/// Names exactly this loss, so that nobody accepts another one than they have seen. Empty when
/// nothing is suspected.
std::string key_of(const loss_book::reports& x);

} // namespace tk
