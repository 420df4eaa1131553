#include "tests/simulation/operators_judge.hpp"

#include <algorithm>
#include <array>

#include "http/operators/memory.hpp"

namespace tk::sim {

namespace {

/// Who stood still needs a moment to see it; nobody can ask it before that.
constexpr millis waking{1'500};
/// Besides all blocks these sessions are asked after.
constexpr int32_t people_asked = 4;

bool says_that_it_decides(const node_context& node) {
  auto told = http::node_memory(node, 0);
  return told.data.at("state").get<std::string>().starts_with("deciding");
}

using counts = std::array<int64_t, 3>; ///< Free, held, sold.

std::string in_words(const counts& x) {
  return std::to_string(x[0]) + " free, " + std::to_string(x[1]) + " held, " +
         std::to_string(x[2]) + " sold";
}

counts on_record(const ledger_model& model, int32_t block) {
  counts out{};
  for (auto& [id, row] : model.rows.seats)
    if (row.block_no == block) ++out.at(row.status == 'a' ? 0 : row.status == 'l' ? 1 : 2);
  return out;
}

} // namespace

std::string operators_judge::look() {
  turn_ = turn_ % world_.plan.nodes + 1;
  auto found = world_.find(turn_);
  if (found == nullptr) return {};
  auto& at = *found;
  auto now = world_.time.now();
  auto awake = now - std::max(at.paused_until, at.slow_until) > waking;
  auto fresh = awake && says_that_it_decides(at.node);
  auto beat = world_.db.last_beat(at.who);
  if (fresh && beat && now - *beat > behind_max_)
    return "I20: node " + std::to_string(turn_) + " says that it decides, " +
           std::to_string((now - *beat).count()) + " ms after its last heartbeat";
  auto own = to_string(id_of_node(turn_));
  for (int32_t i = 0; i < world_.plan.blocks + people_asked; ++i) {
    auto key =
      i < world_.plan.blocks ? key_of(sale_event, i) : key_of(user_of(i - world_.plan.blocks));
    auto told = http::where_memory(at.node, own, key);
    if (auto wrong = judge(turn_, told.data, fresh); !wrong.empty()) return wrong;
  }
  return {};
}

std::string operators_judge::judge(int32_t node, const http::ordered& told, bool fresh) {
  if (told.at("owner").is_null()) return {};
  ++compared_;
  auto shard = told.at("shard").get<uint16_t>();
  auto epoch = told.at("epoch").get<int64_t>();
  auto owner = told.at("owner").get<std::string>();
  auto really = world_.db.reign_of(shard, epoch);
  auto what = "I20: node " + std::to_string(node) + " tells that shard " + std::to_string(shard) +
              " is of " + owner + " in epoch " + std::to_string(epoch);
  if (really.node == 0) return what + ", which never was";
  if (to_string(id_of_node(really.node)) != owner)
    return what + ", and then it was of node " + std::to_string(really.node);
  auto behind = really.ended ? world_.time.now() - *really.ended : millis{0};
  if (fresh && behind > behind_max_)
    return what + ", " + std::to_string(behind.count()) + " ms after that had ended";
  return {};
}

std::string operators_judge::look_at_rest() {
  for (int32_t n = 1; n <= world_.plan.nodes; ++n) {
    auto at = world_.find(n);
    if (at == nullptr) continue;
    auto told = http::shards_memory(at->node, to_string(id_of_node(n)));
    for (auto& row : told.data.at("shards"))
      if (auto wrong = judge(n, row, true); !wrong.empty()) return wrong;
    if (auto wrong = compare_blocks(n, *at); !wrong.empty()) return wrong;
  }
  return {};
}

std::string operators_judge::compare_blocks(int32_t node, const host& at) const {
  auto told = http::event_boards(at.boards, sale_event);
  if (!told || told->data.at("stale").get<bool>()) return {};
  for (auto& row : told->data.at("blocks")) {
    auto block = row.at("block").get<int32_t>();
    if (news_lost_ && at.node.epochs.of(key_of(sale_event, block)).epoch == 0) continue;
    counts said{row.at("free").get<int64_t>(), row.at("held").get<int64_t>(),
                row.at("sold").get<int64_t>()};
    auto real = on_record(world_.db.model, block);
    if (said == real) continue;
    return "I20: node " + std::to_string(node) + " tells of block " + std::to_string(block) + ": " +
           in_words(said) + "; on record are " + in_words(real);
  }
  return {};
}

} // namespace tk::sim
