#pragma once

#include <optional>

#include "persistence/reconciliation/messages.hpp"

/// What a provider says against what is on record: pure.
namespace tk {

/// What a provider said of an attempt.
struct provider_view {
  enum class standing : uint8_t {
    silent = 1, ///< It did not answer, or does not know.
    captured,
    open,     ///< Not taken, but it still may be.
    not_taken ///< Not taken, and never will be.
  };
  standing is = standing::silent;
  won amount, refunded; ///< Of a capture.
};

struct judgement {
  bool agrees = false;    ///< Both say the same.
  bool ask_again = false; ///< The checkout is to ask at once: it gives back what was taken.
  std::optional<found_case> found; ///< What a person has to know of.
};

/// @param forgets the provider knows only of what it took since its start, and only here: that it
/// does not know of a payment says nothing.
judgement judge(const money_row& x, const provider_view& there, bool forgets);

/// The subject of cases about an attempt.
std::string subject_of(const money_row& x);

} // namespace tk
