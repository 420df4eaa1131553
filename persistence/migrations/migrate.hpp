#pragma once

#include <span>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "persistence/pg/connection.hpp"

namespace tk {

/// One numbered file of this folder, part of the program (G39).
struct migration {
  int version = 0;
  std::string_view name; ///< Of the file, e.g. "0001_roles.sql".
  std::string_view sql;
  /// The newest migration that a release must know to work with the schema behind this one. An
  /// older release refuses to start; the others go on beside the newer ones (docs/cluster.md).
  int needs = 0;
};

/// All migrations of this release, ascending from 1 without a gap.
std::span<const migration> all_migrations();

/// Applies what is missing, in order, each in a transaction of its own, under a lock that makes a
/// second migration wait. Refuses a database whose applied files differ from ours, or that a newer
/// release has changed so that this one cannot work with it.
/// `conninfo` is of the role that owns the database. Returns how many were applied.
tl::expected<int, std::string> migrate(const std::string& conninfo);

/// The same with another list, for tests.
tl::expected<int, std::string> migrate(const std::string& conninfo,
                                       std::span<const migration> list);

/// Does this connection's database have the schema that this release was built for, or one that a
/// newer release has only added to? A node refuses to start with any other. The error says why.
tl::expected<void, std::string> check_schema(pg::connection& db);

/// SHA-256, lower-case hex.
std::string checksum_of(std::string_view text);

} // namespace tk
