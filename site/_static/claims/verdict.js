// How an interval decides a verdict: the rule of `almostnothing.claims.decided`, which tests hold this file to.
(function (root) {
  "use strict";

  const SUPPORTED = "supported";
  const REFUTED = "refuted";
  const SMALLER = "smaller than asked";
  const INCONCLUSIVE = "inconclusive";
  const UNKNOWN = "not measured";

  // The verdict of a case {estimate, low, high} against a threshold; `below`: the statistic must lie under it.
  function decided(found, threshold, below) {
    if (![found.estimate, found.low, found.high].every(Number.isFinite)) return UNKNOWN;
    const [low, high] = below ? [-found.high, -found.low] : [found.low, found.high];
    const limit = below ? -threshold : threshold;
    if (low > limit) return SUPPORTED;
    if (high < limit) return !below && low > 0 && threshold > 0 ? SMALLER : REFUTED;
    return INCONCLUSIVE;
  }

  // Where the verdict of a case changes as the threshold grows: [{from, to, verdict}], ends of -∞ and ∞ included.
  function zones(found, below) {
    if (![found.estimate, found.low, found.high].every(Number.isFinite)) {
      return [{ from: -Infinity, to: Infinity, verdict: UNKNOWN }];
    }
    const at = (threshold) => decided(found, threshold, below);
    return [
      { from: -Infinity, to: found.low, verdict: at(-Number.MAX_VALUE) },
      { from: found.low, to: found.high, verdict: INCONCLUSIVE },
      { from: found.high, to: Infinity, verdict: at(Number.MAX_VALUE) },
    ];
  }

  const rule = { decided, zones, SUPPORTED, REFUTED, SMALLER, INCONCLUSIVE, UNKNOWN };
  if (typeof module === "object" && module.exports) module.exports = rule;
  else root.Verdict = rule;
})(typeof self === "object" ? self : this);
