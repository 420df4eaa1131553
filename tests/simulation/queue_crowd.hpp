#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "actors/waiting_room/port.hpp"
#include "tests/simulation/gate_crowd.hpp"
#include "tests/simulation/oracle.hpp"
#include "tests/simulation/queue_judge.hpp"
#include "tests/simulation/world.hpp"

namespace tk::http {
struct queue_desk;
}

namespace tk::sim {

/// The people of an opening night and who runs it. They come before the opening or after it, ask
/// where they stand as often as they are told to, from one device or two, with cookies or without,
/// at whichever node they meet; they leave, close the laptop, come back or do not; and inside they
/// buy, go, or do nothing. Each node answers as its ingress does: from ticket and board when that
/// is enough, else by asking the room.
class queue_crowd {
public:
  queue_crowd(world& where, oracle& sales, queue_judge& judge, gate_crowd& gate);
  ~queue_crowd();

  /// Who comes, when it is not everybody.
  std::set<int32_t> only;

  void start();
  /// Nobody begins anything new, and the organiser lets everybody in.
  void close();
  /// Requests without an answer.
  [[nodiscard]] int64_t waiting() const { return waiting_ + gate_.waiting(); }
  [[nodiscard]] uint64_t visits() const { return visits_; }
  /// Nobody who is still there waits for anything.
  [[nodiscard]] bool all_ended() const;

private:
  struct device {
    int32_t node = 1;
    bool cookies = true, loyal = false; ///< Loyal to its node, while it is there.
    std::string ticket, pass;           ///< As its browser keeps them.
  };
  enum class phase : uint8_t { away = 1, coming, waiting, inside, ended };
  struct person {
    person(int32_t number, dice random) : no(number), luck(random) {
      // nop
    }
    int32_t no = 0;
    dice luck;
    int32_t left = 0; ///< Visits after this one.
    uint32_t gate_number = 0;
    uint64_t visit = 0; ///< Of this number; what belongs to an earlier one is void.
    phase is = phase::ended;
    bool gone = false; ///< The laptop is closed for good.
    instant leaves_at = instant::max(), away_from = instant::max(), away_until;
    bool acted = false; ///< Inside: has begun what they came for.
    std::vector<device> devices;
  };
  using desk_ptr = std::shared_ptr<http::queue_desk>;
  /// A question of one device.
  struct poll {
    size_t who = 0, which = 0; ///< Person and device.
    uint64_t visit = 0;
    life at; ///< Who is asked.
    queue_ticket shown;
    instant asked;
  };

  void begin(size_t who, int32_t left);
  void walk_up(size_t who);
  void end(size_t who);
  void ask_again(size_t who, size_t which, millis after);
  void ask(size_t who, size_t which);
  void ask_room(const poll& q, bool join, const desk_ptr& desk);
  void on_answer(const poll& q, const queue_reply& r, int64_t epoch, bool from_board);
  void on_waiting(const poll& q, const queue_reply& r);
  void on_inside(const poll& q, const queue_reply& r);
  void leave(size_t who, uint64_t visit);
  void act(const poll& q);
  host* come_in(const std::string& pass);
  void buy(const poll& q);
  void pay(const poll& q, reservation_id id, won price);
  void hear(told_wish_to_pay x, ec is);
  void confirm(const poll& q, reservation_id id, won price, const std::string& order);
  desk_ptr desk_of(host& at); ///< Opens it when it is not.
  [[nodiscard]] int32_t node_for(device& x, dice& luck);
  [[nodiscard]] bool is_over(const poll& q) const { return people_[q.who].visit != q.visit; }
  void steer(queue_verb verb, int32_t value, instant at, bool again);
  void interfere();
  void look_at_the_line();
  void restart_nodes();
  void open_desks();

  world& world_;
  oracle& sales_;
  queue_judge& judge_;
  gate_crowd& gate_;
  dice organiser_;
  std::vector<person> people_;
  std::map<life, std::weak_ptr<http::queue_desk>> desks_;
  std::set<queue_verb> said_; ///< By the organiser.
  bool open_ = true, pre_queue_ = false, restarts_ = false;
  int32_t quiet_s_ = 0; ///< Somebody is on record, and nobody is there.
  int64_t waiting_ = 0;
  uint64_t visits_ = 0, keys_ = 0;
};

} // namespace tk::sim
