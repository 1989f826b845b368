// SPDX-License-Identifier: MIT
/* Any JSON. Must reach: json_check(), json_next_member(), json_next_element(), json_find(), json_text(), json_uint(), json_bool(), json_hex(),
 * json_time(), json_locate(). Properties: every value that the walkers find in a checked text is JSON itself and lies in the text; json_find() finds
 * each member. */
#include "core/json.h"
#include "core/limits.h"
#include "fuzz/target.h"

static void check_leaf(struct span value)
{
	uint64_t number;
	uint8_t bytes[8];
	struct span text;
	bool flag;

	if (json_uint(value, 1000, &number) == TCB_OK)
		MUST_HOLD(number <= 1000);
	if (json_bool(value, &flag) == TCB_OK)
		MUST_HOLD(value.size == (flag ? 4 : 5));
	if (json_hex(value, bytes, sizeof bytes) == TCB_OK)
		MUST_HOLD(value.size == 2 * sizeof bytes + 2);
	if (json_time(value, &number) == TCB_OK)
		MUST_HOLD(number < 253402300800 + 2); /* the year 10000 */
	if (json_text(value, &text) == TCB_OK)
		MUST_HOLD(text.size + 2 == value.size);
}

static void walk(struct span value, unsigned depth)
{
	struct span rest = value, name, inner;

	MUST_HOLD(depth <= LIMIT_JSON_DEPTH && json_check(value, NULL) == TCB_OK);
	check_leaf(value);
	if (json_opens_object(value)) {
		while (json_next_member(&rest, &name, &inner)) {
			MUST_HOLD(inner.data >= value.data && inner.data + inner.size < value.data + value.size);
			walk(inner, depth + 1);
		}
		MUST_HOLD(json_find(value, "\x01", &inner) != TCB_OK);
	} else if (json_opens_array(value)) {
		while (json_next_element(&rest, &inner))
			walk(inner, depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diagnosis d = {0};

	if (size > 4096) /* walking is quadratic in the depth */
		return 0;
	if (json_check(span_of(data, size), &d) == TCB_OK)
		walk(json_value(span_of(data, size)), 0);
	else
		MUST_HOLD(d.code[0] != '\0');
	return 0;
}
