#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "actors/base/time.hpp"
#include "persistence/ledger/messages.hpp"

/// Was anything that a lane has answered lost by a fail-over (ledger.md section 10)? The rule, for
/// every driver: the one of libpq and the one of the simulation.
namespace tk {

/// Where a server is: the cluster, the timeline of its log, and the end of that log.
struct log_position {
  int64_t system = 0;
  std::string timeline; ///< Eight hex digits.
  uint64_t at = 0;      ///< Of no meaning where only the server is asked for.
};

/// An op that was answered `ok` and has left something that can be found. What others could leave
/// again on the new timeline, an end of a hold say, proves nothing when it is younger than the
/// answer: what a driver finds must be no younger than `latest()`.
struct acknowledged_op {
  op_ptr what;
  instant at; ///< Ledger time of its judgement.
  [[nodiscard]] instant latest() const { return at + millis{500}; } ///< No fail-over is so fast.
};

/// Whether ops of this kind are a promise, and leave something behind that no later op takes away.
/// A key that is claimed promises nothing before what it names is made.
bool leaves_a_trace(const op& x);

/// Where `timeline` was left, according to a history file; nullopt when it is no ancestor.
std::optional<uint64_t> switch_point(std::string_view history, std::string_view timeline);

/// So much of what was answered is kept by a lane, to tell which of it is missing: the last minutes
/// of an ordinary sale, and of the busiest one the last seconds.
inline constexpr size_t kept_ops_max = 20'000, kept_bytes_max = 8u << 20;
inline constexpr millis kept_for{600'000};

/// What a lane knows it has told others, and whether the server that answers now still has it.
class loss_watch {
public:
  /// What must be asked of the server, in this order, and only on another timeline.
  struct questions {
    /// The history file of its timeline; nullopt when it is not to be had.
    std::function<std::optional<std::string>()> history;
    std::function<bool(const acknowledged_op&)> has;
  };

  /// A batch is committed and its verdicts are about to be told.
  void answered(const batch& what, const batch_result& said, log_position end);

  /// To be called on every new connection, before anything is written.
  void judge(const log_position& server, const questions& ask);

  /// Why the lane must not write; empty = it may.
  [[nodiscard]] const std::string& suspicion() const { return suspicion_; }
  /// What it has told of late, the oldest first.
  [[nodiscard]] const std::deque<acknowledged_op>& kept() const { return kept_; }
  /// Whether something older was told and is not kept any more.
  [[nodiscard]] bool forgot() const { return forgot_; }
  /// An operator has looked: goes on with the server as it is.
  void accept();

private:
  void keep(const acknowledged_op& x);
  [[nodiscard]] std::string doubt(const log_position& server, const questions& ask) const;

  log_position end_; ///< Of the last answered batch; its system is 0 before the first.
  std::optional<acknowledged_op> last_;
  std::deque<acknowledged_op> kept_; ///< Ends with `last_`.
  size_t kept_bytes_ = 0;
  bool forgot_ = false;
  std::string suspicion_;
};

} // namespace tk
