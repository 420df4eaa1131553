#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "actors/base/placement.hpp"
#include "persistence/pg/connection.hpp"

/// What must hold between rows and no constraint of the database checks: its check would lock a row
/// that a whole on-sale writes beside (H-26). All rules of a look see one moment of the database,
/// so it may be looked at while the shop sells. docs/audit.md is written for who has to read a
/// finding.
namespace tk {

/// Groups of rules, for who wants to ask some more often than others.
enum class audit_part : uint8_t {
  references,
  seats,
  orders,
  history,
  money,
  tickets,
  events,
  shards,
  queue,
  overdue
};
inline constexpr std::array all_audit_parts{
  audit_part::references, audit_part::seats,   audit_part::orders, audit_part::history,
  audit_part::money,      audit_part::tickets, audit_part::events, audit_part::shards,
  audit_part::queue,      audit_part::overdue,
};
std::string_view to_string(audit_part x);

struct audit_rule {
  std::string name;  ///< For machines: it stays when the text gets better.
  std::string table; ///< Whose rows break it.
  std::string text;  ///< What is wrong with a row that breaks it.
  std::string sql;   ///< Three columns of text: the row, what it says, what contradicts that.
};

/// The rules of one part, in the order of the documentation.
const std::vector<audit_rule>& rules_of(audit_part x);

/// One row, and the two values that cannot both be true.
struct contradiction {
  std::string row, says, against;
  bool operator==(const contradiction&) const = default;
};

/// A rule that is broken: by how many rows, and the first of them by id.
struct audit_finding {
  std::string rule, table, text;
  int64_t rows = 0;
  std::vector<contradiction> sample;
  bool operator==(const audit_finding&) const = default;
};

struct audit_limits {
  millis whole{600'000};  ///< For everything; what takes longer is given up.
  int32_t sample_max = 5; ///< Rows listed of each rule.
};

/// Asks for each rule within the caller's transaction (there must be one); the error is the
/// database's text. No lock on a table is kept longer than its rule takes.
tl::expected<std::vector<audit_finding>, std::string> audit(pg::connection& db,
                                                            std::span<const audit_rule> rules,
                                                            const audit_limits& limits = {});

/// What came of looking once.
struct audit_report {
  instant as_of; ///< The moment that all rules saw; of a standby, what it had replayed by then.
  millis age{};  ///< How old that moment was when the last rule had been asked.
  bool standby = false;
  size_t rules = 0;
  std::vector<audit_finding> findings;
};

/// Looks at a database again and again. Between two looks it remembers what may only rise.
class auditor {
public:
  auditor(std::vector<audit_part> parts, audit_limits limits);

  /// One look, in one read-only transaction. Locks no row and nothing that a sale waits for. The
  /// error says why there was no look; `stopped` is asked before each rule.
  tl::expected<audit_report, std::string> look(pg::connection& db,
                                               const std::function<bool()>& stopped);

  /// What `look` answers when it was `stopped`.
  static constexpr std::string_view was_stopped = "stopped";

private:
  tl::expected<audit_report, std::string> look_inside(pg::connection& db,
                                                      const std::function<bool()>& stopped);
  tl::expected<void, std::string> add_fallen_epochs(pg::connection& db, audit_report& out);
  [[nodiscard]] bool asks(audit_part x) const;

  std::vector<audit_part> parts_;
  audit_limits limits_;
  std::array<int64_t, shard_count> epochs_{};
};

} // namespace tk
