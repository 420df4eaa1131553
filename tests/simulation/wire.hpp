#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <caf/actor.hpp>

#include "supervisors/link.hpp"
#include "tests/simulation/agenda.hpp"
#include "tests/simulation/database.hpp"

namespace tk::sim {

/// Carries frames from node to node and does to them what networks do. Their ends are the product's
/// own (supervisors/link).
class wire {
public:
  wire(agenda& time, dice& random, const fault_mix& faults)
      : time_(time), dice_(random), faults_(faults) {
    // nop
  }

  /// Names who takes what others ask of a node.
  void attach(life who, caf::actor door);
  /// Which of its links lead to whom, as its roster has it: answers to its own requests come there.
  /// Links hear that they stand, or that nobody is there any more.
  void lead(int32_t node, const std::map<int32_t, std::pair<life, caf::actor>>& links);
  void detach(int32_t node);
  /// Nothing goes from `from` to `to` for a while, and nobody finds out.
  void lose_all(int32_t from, int32_t to, millis length);
  /// The same, and when it takes long their connection ends for its silence.
  void cut(int32_t from, int32_t to, millis length);
  /// Nothing arrives on this path until `unclog`; then everything does. So it is, too, for a peer
  /// of which the product does not read on (cluster/connections.hpp, `taken_max`).
  void clog(int32_t from, int32_t to) { clogged_[{from, to}]; }
  void unclog(int32_t from, int32_t to);
  /// For a while `node` is of the release before, and does not know one of the messages: the type
  /// of the next that comes.
  void age(int32_t node, millis length) { older_[node] = {time_.now() + length, {}}; }
  void heal();

  /// Hears that `near` wanted to connect to a life of which nothing is left.
  std::function<void(int32_t near, life far)> on_refused;
  /// Hears of every frame that is sent, and whether it gets lost.
  std::function<void(int32_t from, int32_t to, const std::string& what)> on_frame;

  [[nodiscard]] uint64_t dropped() const { return dropped_; }
  [[nodiscard]] uint64_t carried() const { return carried_; }

private:
  struct ends {
    life who;
    caf::actor door;
    std::map<int32_t, std::pair<life, caf::actor>> links; ///< By the node they lead to.
  };
  enum class way : uint8_t { request, answer };
  /// Towards the door of a node, or back to the link of one that asked.
  struct one_way;
  using path = std::pair<int32_t, int32_t>;
  using sent = std::pair<way, link_frame>;
  void repeat_old(const path& along);
  void carry(life from, int32_t to, way how, const link_frame& x);
  void send(const path& along, way how, const link_frame& x);
  void greet(const path& along, life whom);
  void greeted(const path& along, uint64_t no);
  [[nodiscard]] bool is_cut(const path& along) const;
  void tell(int32_t from, int32_t to, const std::string& what) const;
  void break_off(const path& along);
  void end(life by, int32_t of, way how, const char* why);
  void dial(const path& along, life who, const std::pair<life, caf::actor>& link);
  void arrive(int32_t from, int32_t to, way how, const link_frame& x);
  [[nodiscard]] link_frame as_read_by(int32_t node, const link_frame& x);

  agenda& time_;
  dice& dice_;
  fault_mix faults_;
  std::map<int32_t, ends> ends_;
  std::map<path, instant> cut_until_;
  std::map<path, std::vector<sent>> clogged_;
  std::map<path, std::vector<sent>> past_; ///< Some that were sent, to be sent again.
  std::map<path, uint32_t> under_way_;
  /// A link in one direction: made by a greeting that takes its time and may fail (F11).
  struct connection {
    life with; ///< The life that was greeted; another one is greeted anew.
    bool open = false;
    uint64_t greeting = 0;     ///< Number of the last one.
    std::vector<sent> waiting; ///< For the greeting's answer.
  };
  std::map<path, connection> connections_;
  struct older {
    instant until;
    std::string unknown; ///< Type of message; empty: not chosen yet.
  };
  std::map<int32_t, older> older_;
  uint64_t greetings_ = 0;
  uint64_t dropped_ = 0, carried_ = 0;
};

} // namespace tk::sim
