/*
 * The inner loops over text: how far does it go without a byte that needs a second look? With
 * SSE2 sixteen bytes a step, never reading past the given length; without, byte by byte.
 */
#ifndef KUBE_BASE_JSON_SCAN_H
#define KUBE_BASE_JSON_SCAN_H

#include <kube/defs.h>
#include <string.h>

#if defined(__SSE2__) && !defined(KUBE_JSON_NO_SIMD)
#define KUBE_JSON_SIMD 1
#include <emmintrin.h>

/* Bits for bytes that end a plain stretch of a string being read: quote, backslash, controls,
 * and all that is not ASCII. */
static inline unsigned json_scan_stops(__m128i x)
{
	__m128i quote = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
	__m128i backslash = _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'));
	/* Signed: controls and everything from 0x80 are less than a space. */
	__m128i outside = _mm_cmplt_epi8(x, _mm_set1_epi8(0x20));
	return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), outside));
}

/* Bits for bytes that printing may have to escape; 0xe2 begins U+2028 and U+2029. */
static inline unsigned json_scan_escapes(__m128i x, bool html)
{
	__m128i hit = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
	hit = _mm_or_si128(hit, _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
	hit = _mm_or_si128(hit, _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x));
	hit = _mm_or_si128(hit, _mm_cmpeq_epi8(x, _mm_set1_epi8((char)0xe2)));
	if (html) {
		/* '<' and '>' differ in one bit. */
		__m128i angle = _mm_or_si128(x, _mm_set1_epi8(2));
		hit = _mm_or_si128(hit, _mm_cmpeq_epi8(angle, _mm_set1_epi8('>')));
		hit = _mm_or_si128(hit, _mm_cmpeq_epi8(x, _mm_set1_epi8('&')));
	}
	return (unsigned)_mm_movemask_epi8(hit);
}

static inline __m128i json_scan_load(const char *at)
{
	return _mm_loadu_si128((const __m128i *)(const void *)at);
}

static inline void json_scan_store(char *to, __m128i x)
{
	_mm_storeu_si128((__m128i *)(void *)to, x);
}
#endif

static inline bool json_stops(unsigned char c)
{
	return c < 0x20 || c >= 0x80 || c == '"' || c == '\\';
}

static inline bool json_escapes(unsigned char c, bool html)
{
	return c < 0x20 || c == '"' || c == '\\' || c == 0xe2 ||
	       (html && (c == '<' || c == '>' || c == '&'));
}

/*
 * Copies the plain stretch at the start of [at, at + len) and says how long it is. May write up
 * to 16 bytes behind it, but never more than len in all.
 */
static inline size_t json_copy_plain(char *to, const char *at, size_t len)
{
	size_t i = 0;
#ifdef KUBE_JSON_SIMD
	for (; len - i >= 16; i += 16) {
		__m128i x = json_scan_load(at + i);
		json_scan_store(to + i, x);
		unsigned stops = json_scan_stops(x);
		if (stops)
			return i + (size_t)__builtin_ctz(stops);
	}
#endif
	for (; i < len && !json_stops((unsigned char)at[i]); i++)
		to[i] = at[i];
	return i;
}

/* The same without copying. */
static inline size_t json_skip_plain(const char *at, size_t len)
{
	size_t i = 0;
#ifdef KUBE_JSON_SIMD
	for (; len - i >= 16; i += 16) {
		unsigned stops = json_scan_stops(json_scan_load(at + i));
		if (stops)
			return i + (size_t)__builtin_ctz(stops);
	}
#endif
	while (i < len && !json_stops((unsigned char)at[i]))
		i++;
	return i;
}

#endif
