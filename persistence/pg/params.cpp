#include "persistence/pg/params.hpp"

#include <cstdlib>

namespace tk::pg {

namespace {

constexpr int64_t epoch_2000_us = 946'684'800'000'000; // 2000-01-01 in µs since 1970.
constexpr size_t header_bytes = 20;                    // Of a one-dimensional array.

/// Writes the low `bytes` bytes of `x`, most significant first.
void store(char* to, int64_t x, int bytes) {
  auto bits = static_cast<uint64_t>(x);
  for (int i = bytes - 1; i >= 0; --i) {
    to[i] = static_cast<char>(bits & 0xff);
    bits >>= 8;
  }
}

int width(oid type) {
  switch (type) {
  case oid::int2: return 2;
  case oid::int4: return 4;
  case oid::int8:
  case oid::timestamptz: return 8;
  default: std::abort(); // An integer was pushed into something else: a bug in the caller.
  }
}

} // namespace

uint32_t array_oid(oid element) {
  switch (element) {
  case oid::boolean: return 1000;
  case oid::bytea: return 1001;
  case oid::int8: return 1016;
  case oid::int2: return 1005;
  case oid::int4: return 1007;
  case oid::text: return 1009;
  case oid::timestamptz: return 1185;
  case oid::uuid: return 2951;
  }
  std::abort();
}

int64_t to_pg_time(instant x) {
  if (x == instant::max()) return INT64_MAX;
  if (x == instant::min()) return INT64_MIN;
  // What does not fit into a timestamp is as good as infinite.
  constexpr int64_t ms_max = 200'000'000'000'000;
  if (to_ms(x) > ms_max) return INT64_MAX;
  if (to_ms(x) < -ms_max) return INT64_MIN;
  return to_ms(x) * 1000 - epoch_2000_us;
}

instant from_pg_time(int64_t us) {
  if (us == INT64_MAX) return instant::max();
  if (us == INT64_MIN) return instant::min();
  int64_t since_1970 = us + epoch_2000_us;
  int64_t ms = since_1970 / 1000;
  return from_ms(since_1970 % 1000 < 0 ? ms - 1 : ms);
}

// -- array --------------------------------------------------------------------------------------

void array::clear() {
  buffer_.resize(header_bytes);
  count_ = 0;
  has_null_ = false;
}

void array::put(int64_t x, int bytes) {
  auto at = buffer_.size();
  buffer_.resize(at + static_cast<size_t>(bytes));
  store(buffer_.data() + at, x, bytes);
}

void array::push_null() {
  put(-1, 4);
  has_null_ = true;
  ++count_;
}

void array::push_int(int64_t x) {
  int bytes = width(element_);
  if (bytes < 8 && (x >> (8 * bytes - 1)) != 0 && (x >> (8 * bytes - 1)) != -1)
    std::abort(); // A truncated number would be judged instead of the real one.
  put(bytes, 4);
  put(x, bytes);
  ++count_;
}

void array::push_text(std::string_view x) {
  put(static_cast<int64_t>(x.size()), 4);
  buffer_.append(x);
  ++count_;
}

void array::push_text_or_null(std::string_view x) {
  if (x.empty()) push_null();
  else push_text(x);
}

void array::push_time(instant x) {
  put(8, 4);
  put(to_pg_time(x), 8);
  ++count_;
}

void array::push_bool(bool x) {
  put(1, 4);
  put(x ? 1 : 0, 1);
  ++count_;
}

void array::push_bytes(std::string_view x) { push_text(x); }

void array::push_uuid(uint64_t hi, uint64_t lo) {
  put(16, 4);
  put(static_cast<int64_t>(hi), 8);
  put(static_cast<int64_t>(lo), 8);
  ++count_;
}

std::string_view array::wire() const {
  char* at = buffer_.data();
  bool empty = count_ == 0;
  store(at, empty ? 0 : 1, 4); // Number of dimensions.
  store(at + 4, has_null_ ? 1 : 0, 4);
  store(at + 8, static_cast<int64_t>(element_), 4);
  store(at + 12, count_, 4);
  store(at + 16, 1, 4); // Lower bound.
  return {at, empty ? 12 : buffer_.size()};
}

// -- params -------------------------------------------------------------------------------------

void params::clear() {
  slots_.clear();
  arena_.clear();
}

params& params::put(oid type, std::string_view bytes) {
  slots_.push_back({static_cast<uint32_t>(type), static_cast<int>(arena_.size()),
                    static_cast<int>(bytes.size()), nullptr});
  arena_.append(bytes);
  return *this;
}

params& params::put_int(oid type, int64_t x, int bytes) {
  char raw[8];
  store(raw, x, bytes);
  return put(type, {raw, static_cast<size_t>(bytes)});
}

params& params::add_int4(int32_t x) { return put_int(oid::int4, x, 4); }

params& params::add_int8(int64_t x) { return put_int(oid::int8, x, 8); }

params& params::add_bool(bool x) { return put_int(oid::boolean, x ? 1 : 0, 1); }

params& params::add_text(std::string_view x) { return put(oid::text, x); }

params& params::add_text_or_null(std::string_view x) {
  return x.empty() ? add_null(oid::text) : put(oid::text, x);
}

params& params::add_bytes(std::string_view x) { return put(oid::bytea, x); }

params& params::add_bytes_or_null(std::string_view x) {
  return x.empty() ? add_null(oid::bytea) : put(oid::bytea, x);
}

params& params::add_time(instant x) { return put_int(oid::timestamptz, to_pg_time(x), 8); }

params& params::add_uuid(uint64_t hi, uint64_t lo) {
  char raw[16];
  store(raw, static_cast<int64_t>(hi), 8);
  store(raw + 8, static_cast<int64_t>(lo), 8);
  return put(oid::uuid, {raw, 16});
}

params& params::add_null(oid type) {
  slots_.push_back({static_cast<uint32_t>(type), -1, 0, nullptr});
  return *this;
}

params& params::add(const array& x) {
  slots_.push_back({array_oid(x.element()), -1, 0, &x});
  return *this;
}

params::view params::bind() const {
  types_.clear();
  values_.clear();
  lengths_.clear();
  formats_.assign(slots_.size(), 1);
  for (auto& x : slots_) {
    types_.push_back(x.type);
    if (x.list) {
      auto wire = x.list->wire();
      values_.push_back(wire.data());
      lengths_.push_back(static_cast<int>(wire.size()));
    } else {
      // One past the end of an empty arena is a valid pointer: an empty text is not null.
      values_.push_back(x.offset < 0 ? nullptr : arena_.data() + x.offset);
      lengths_.push_back(x.length);
    }
  }
  return {types_.data(), values_.data(), lengths_.data(), formats_.data()};
}

} // namespace tk::pg
