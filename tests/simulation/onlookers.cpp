#include <deque>

#include "tests/simulation/crowd.hpp"
#include "tests/simulation/workloads.hpp"

namespace tk::sim {

namespace {

constexpr int32_t onlookers_of_a_sale = 6;

/// Some just look at the map: mostly at one node, now and then at another one. What they are shown
/// is part of the history.
class onlookers final : public workload {
public:
  explicit onlookers(const scene& in) : world_(in.where), oracle_(in.judge) {
    for (int32_t n = 0; n < onlookers_of_a_sale; ++n)
      all_.push_back({n, 0, dice{world_.seed, "onlooker" + std::to_string(n)}});
  }

  void start() override {
    for (auto& x : all_) later(x, millis{2000}, millis{6000});
  }

  void close() override { open_ = false; }

  /// At rest everybody looks once more, at every node.
  std::string check() override {
    for (auto& x : all_)
      for (x.node = 1; x.node <= world_.plan.nodes; ++x.node) look(x);
    return oracle_.wrong();
  }

private:
  struct onlooker {
    int32_t no = 0, node = 0;
    dice random;
  };

  void later(onlooker& x, millis least, millis most) {
    world_.time.after(x.random.between(least, most), [&x, this] {
      if (!open_) return;
      auto elsewhere = world_.any_node(x.random);
      if (x.node == 0 || x.random.chance(200'000)) x.node = elsewhere;
      look(x);
      later(x, millis{100}, millis{6000});
    });
  }

  void look(const onlooker& x) {
    auto at = world_.find(x.node);
    if (at == nullptr || world_.time.now() < at->paused_until) return; // Nobody answers.
    for (int32_t b = 0; b < world_.plan.blocks; ++b)
      if (auto board = at->boards.find_seats(sale_event, b)) {
        auto seen = what_is_seen(x, *at, *board);
        for (size_t i = 0; i < board->seat_count; ++i)
          seen.seats.push_back(static_cast<uint8_t>((board->bits[i / 4] >> (2 * (i % 4))) & 3));
        oracle_.saw(seen);
      }
    for (int32_t t = 0; t < std::ssize(world_.plan.standing); ++t)
      if (auto board = at->boards.find_quota(type_of(t))) {
        auto seen = what_is_seen(x, *at, *board);
        seen.available = board->available;
        oracle_.saw(seen);
      }
  }

  template <class Board>
  [[nodiscard]] told_map what_is_seen(const onlooker& x, const host& at, const Board& board) const {
    told_map out;
    out.client = x.no;
    out.node = x.node;
    out.life = at.who.incarnation;
    out.block = board.block_no;
    out.epoch = board.epoch;
    out.version = board.version;
    out.at = world_.time.now();
    auto owner = at.node.epochs.of(key_of(sale_event, board.block_no));
    out.current = !at.boards.stale() && owner.epoch == board.epoch;
    return out;
  }

  world& world_;
  oracle& oracle_;
  std::deque<onlooker> all_;
  bool open_ = true;
};

} // namespace

workload_ptr make_onlookers(const scene& in) { return std::make_unique<onlookers>(in); }

} // namespace tk::sim
