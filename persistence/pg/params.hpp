#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"

/// A thin layer over libpq: binary parameters, typed access to results, nothing blocking for ever.
namespace tk::pg {

/// Type numbers of PostgreSQL's own catalogue; they never change.
enum class oid : uint32_t {
  boolean = 16,
  bytea = 17,
  int8 = 20,
  int2 = 21,
  int4 = 23,
  text = 25,
  timestamptz = 1184,
  uuid = 2950
};

/// The type of an array of `element`.
uint32_t array_oid(oid element);

/// Microseconds since 2000-01-01, PostgreSQL's own form; `instant::max()` is 'infinity' and
/// `instant::min()` '-infinity'.
int64_t to_pg_time(instant x);
instant from_pg_time(int64_t us);

/// A one-dimensional array in binary form. `clear` keeps the memory, so that a statement which is
/// executed again and again does not allocate.
class array {
public:
  explicit array(oid element) : element_(element) { clear(); }
  void clear();
  void push_null();
  /// The width follows the element type (int2, int4, int8); a value that does not fit is a bug.
  void push_int(int64_t x);
  void push_text(std::string_view x);
  /// Null for an empty string.
  void push_text_or_null(std::string_view x);
  void push_time(instant x);
  void push_bool(bool x);
  void push_bytes(std::string_view x);
  template <class Tag> void push_id(const id<Tag>& x) { push_uuid(x.hi, x.lo); }
  /// Null for the nil id.
  template <class Tag> void push_id_or_null(const id<Tag>& x) {
    if (x.nil()) push_null();
    else push_uuid(x.hi, x.lo);
  }
  [[nodiscard]] int32_t size() const { return count_; }
  [[nodiscard]] oid element() const { return element_; }
  /// The wire form; valid until the next change.
  [[nodiscard]] std::string_view wire() const;

private:
  void push_uuid(uint64_t hi, uint64_t lo);
  void put(int64_t x, int bytes);
  oid element_;
  int32_t count_ = 0;
  bool has_null_ = false;
  mutable std::string buffer_;
};

/// The parameters $1, $2, ... of one execution.
class params {
public:
  void clear();
  params& add_int4(int32_t x);
  params& add_int8(int64_t x);
  params& add_bool(bool x);
  params& add_text(std::string_view x);
  params& add_text_or_null(std::string_view x);
  params& add_bytes(std::string_view x);
  params& add_bytes_or_null(std::string_view x);
  params& add_time(instant x);
  template <class Tag> params& add_id(const id<Tag>& x) { return add_uuid(x.hi, x.lo); }
  template <class Tag> params& add_id_or_null(const id<Tag>& x) {
    return x.nil() ? add_null(oid::uuid) : add_uuid(x.hi, x.lo);
  }
  params& add_null(oid type);
  /// Refers to the array's memory: it must live and stay unchanged until the execution is sent.
  params& add(const array& x);

  [[nodiscard]] int size() const { return static_cast<int>(slots_.size()); }
  /// The four arrays that libpq wants, valid until the next change.
  struct view {
    const uint32_t* types;
    const char* const* values;
    const int* lengths;
    const int* formats;
  };
  [[nodiscard]] view bind() const;

private:
  struct slot {
    uint32_t type = 0;
    int offset = -1; ///< Into `arena_`; -1: null or an array.
    int length = 0;
    const array* list = nullptr;
  };
  params& add_uuid(uint64_t hi, uint64_t lo);
  params& put(oid type, std::string_view bytes);
  params& put_int(oid type, int64_t x, int bytes);
  std::vector<slot> slots_;
  std::string arena_;
  mutable std::vector<uint32_t> types_;
  mutable std::vector<const char*> values_;
  mutable std::vector<int> lengths_, formats_;
};

} // namespace tk::pg
