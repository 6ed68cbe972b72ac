// Result<T, E>: a value or the reason there is none. std::expected in the small, until C++23 is here.
#pragma once

#include <utility>
#include <variant>

namespace turnpike {

/// Wraps an error so that `return fail(Error::kX);` reads as what it is.
template <class E>
struct Failure {
  E error;
};

template <class E>
[[nodiscard]] constexpr Failure<E> fail(E error) {
  return {std::move(error)};
}

/// Holds exactly one of a T and an E. Reading the wrong one is a bug and throws
/// std::bad_variant_access, which nothing catches.
template <class T, class E>
class [[nodiscard]] Result {
 public:
  // Implicit, so that `return value;` and `return fail(error);` both read as what they are.
  // NOLINTBEGIN(google-explicit-constructor)
  constexpr Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  constexpr Result(Failure<E> failure) : state_(std::in_place_index<1>, std::move(failure.error)) {}
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] constexpr explicit operator bool() const { return state_.index() == 0; }
  [[nodiscard]] constexpr const T& operator*() const& { return std::get<0>(state_); }
  [[nodiscard]] constexpr T& operator*() & { return std::get<0>(state_); }
  [[nodiscard]] constexpr T&& operator*() && { return std::get<0>(std::move(state_)); }
  [[nodiscard]] constexpr T* operator->() { return &std::get<0>(state_); }
  [[nodiscard]] constexpr const T* operator->() const { return &std::get<0>(state_); }
  [[nodiscard]] constexpr const E& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, E> state_;
};

/// The value of a Result that has nothing to give but its success.
struct Ok {};

template <class E>
using Status = Result<Ok, E>;

}  // namespace turnpike
