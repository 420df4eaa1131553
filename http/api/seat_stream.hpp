#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "actors/base/entropy.hpp"
#include "http/api/seat_map.hpp"
#include "http/stream.hpp"

namespace tk::http {

/// The seats of one event as one version after the other, rendered once for all who listen. A
/// version is a number that no other node gives, and rises over restarts too. Used by one thread at
/// a time.
class seat_feed {
public:
  struct sources {
    const seat_maps& maps;
    const board_store& boards;
    const wall_clock& clock;
    entropy& random;
  };

  seat_feed(event_id event, const sources& from) : event_(event), from_(from) {
    // nop
  }

  /// Takes up what the boards say, not more often than `pace`.
  void refresh();
  [[nodiscard]] uint64_t version() const { return version_; }
  /// All seats at this version.
  stream_frame_ptr snapshot();
  /// What has changed since version `since`; null when that is not known any more, or is more than
  /// a snapshot.
  stream_frame_ptr delta(uint64_t since);

  /// At most four deltas a second (G05).
  static constexpr millis pace{250};
  /// So many versions back can be told from.
  static constexpr size_t steps_max = 240;

private:
  struct step {
    uint64_t since = 0;         ///< The version before it.
    std::vector<uint32_t> rows; ///< Whose status it changed.
  };
  void begin_version(instant now);
  void take(std::vector<uint8_t> statuses, instant now);
  void forget_old();

  event_id event_;
  sources from_;
  instant read_at_;
  seat_plan_ptr plan_;
  uint64_t boards_version_ = 0, version_ = 0;
  std::vector<uint8_t> statuses_; ///< By row of the plan.
  std::deque<step> steps_;
  size_t rows_kept_ = 0; ///< Of all steps.
  stream_frame_ptr snapshot_;
  std::map<uint64_t, stream_frame_ptr> deltas_; ///< To this version, by that since which.
};

/// The feeds that somebody listens to. Safe from any thread.
class seat_feeds {
public:
  std::shared_ptr<seat_feed> of(event_id event, const seat_feed::sources& from);

private:
  std::mutex mutex_;
  std::map<event_id, std::weak_ptr<seat_feed>> feeds_;
};

/// The seats of an event, for one who listens (G05).
class seat_stream final : public event_stream {
public:
  /// `told`: the version that the client knows; none, or one that is not known: a snapshot.
  seat_stream(std::shared_ptr<seat_feed> feed, std::optional<uint64_t> told)
      : feed_(std::move(feed)), told_(told) {
    // nop
  }
  step next(steady::time_point now) override;

private:
  std::shared_ptr<seat_feed> feed_;
  std::optional<uint64_t> told_;
};

} // namespace tk::http
