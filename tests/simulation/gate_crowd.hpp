#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "actors/gate/port.hpp"
#include "tests/simulation/world.hpp"

namespace tk::sim {

/// Judges the gate before a room by what is on record and what people are told (docs/
/// waiting-room.md, The gate). Shares no code with it.
class gate_judge {
public:
  /// A turn is on record.
  void committed(const gate_turn& x);
  /// Somebody was told their position.
  void told(const assigned_position& x);
  /// A position is let through, as somebody was told.
  void let_through(int32_t activation, int64_t position);

  [[nodiscard]] const std::string& wrong() const { return wrong_; }

private:
  void fail(const std::string& what);

  std::string wrong_;
  gate_state record_;
  std::set<std::pair<int32_t, int64_t>> positions_; ///< Told, by activation.
  std::map<int64_t, int32_t> orders_;               ///< Told, and of which activation.
};

/// Those who come by the gate of an evening: they take a position, ask until it is let through, and
/// then go on with its number. An organiser opens the gate, closes it and opens it again.
class gate_crowd {
public:
  using then = std::function<void(uint32_t number)>;

  explicit gate_crowd(world& where) : world_(where), organiser_(where.seed, "gate") {
    // nop
  }

  gate_judge judge;

  /// Opens it in some evenings.
  void start();
  /// Lets everybody through.
  void close();
  /// Somebody comes; `go_on` is called when they are let through, with no number when there is no
  /// gate. `luck` is theirs and outlives it.
  void come(dice& luck, const then& go_on);
  /// Requests without an answer.
  [[nodiscard]] int64_t waiting() const { return waiting_; }

private:
  void steer(gate_verb verb);
  void ask_whether(dice& luck, const assigned_position& mine, const then& go_on);

  world& world_;
  dice organiser_;
  bool used_ = false, open_ = true;
  int64_t waiting_ = 0;
};

} // namespace tk::sim
