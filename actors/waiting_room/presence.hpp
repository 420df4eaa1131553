#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "actors/base/time.hpp"

namespace tk {

/// The clock that silence is measured by. It stands still while anything but the people themselves
/// may be the reason for it: an ingress that is not heard of, or was not yet in this life of the
/// room; a batch of signs of life that got lost; a room that was stopped for a while (H-11).
class presence_clock {
public:
  explicit presence_clock(instant now) : last_(now) {
    // nop
  }

  /// The ingresses there are, one in each life of a node. All of them are to be heard of; who is
  /// not among them any more no longer counts. Empty as long as nobody knows.
  void count_on(const std::vector<int64_t>& ingresses, instant now);
  /// Nobody waits: what was heard does not matter, and who comes next is heard of anew.
  void rest();
  /// To be called before it is read, and at least every `step_max`.
  void advance(instant now);
  [[nodiscard]] uint32_t now_s() const { return static_cast<uint32_t>(total_.count() / 1000); }
  /// An ingress was heard of. False for a batch that was heard before.
  bool hear(int64_t ingress, uint64_t batch, instant now);

  static constexpr millis silent_after{5'000}; ///< Batches come every second.
  /// Where nobody says which there are: by then everybody behind a silent one has lost the place.
  static constexpr millis forget_after{600'000};
  static constexpr millis step_max{3'000};

private:
  struct ingress {
    uint64_t batch = 0;
    instant heard_at;
  };
  /// Nothing but the people themselves can be the reason for silence now.
  [[nodiscard]] bool whole(instant now) const;

  std::map<int64_t, ingress> ingresses_;
  std::vector<int64_t> expected_;
  instant last_;
  millis total_{0};
  millis held_back_{0}; ///< Time that is not to count, for batches that were lost.
};

} // namespace tk
