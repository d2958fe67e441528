-- The commit of a batch; its arguments are the columns that columns.py makes, most of them as literals of arrays.
-- Seconds are not: a literal that comes from JSON has no word for what is no number, and would make null of it.
SELECT * FROM tallystick.commit_turns(
    $1, $2::text::text[], $3::text::text[], $4::text::boolean[], $5::text::integer[], $6::text::boolean[],
    $7::text::integer[], $8::text::text[], $9::text::text[], $10::text::bigint[], $11::text::bigint[], $12,
    $13::text::integer[], $14::text::text[], $15::text::integer[], $16::text::bigint[], $17::text::text[],
    $18, $19::text::text[], $20::text::text[], $21::text::bigint[],
    $22, $23::text::bigint[], $24::text::text[], $25::text::boolean[], $26::text::bigint[],
    $27::text::integer[], $28::text::integer[], $29::text::bigint[], $30::text::integer[], $31::text::text[],
    $32::text::text[], $33::text::uuid[], $34::text::text[], $35::text::text[], $36::text::text[], $37,
    $38::text::text[], $39::text::text[], $40::text::bigint[], $41::text::integer[], $42::text::text[],
    $43::text::bigint[], $44, $45::text::text[], $46::text::bigint[], $47::text::boolean[], $48::text::integer[],
    $49::text::text[], $50::text::text[], $51::text::integer[], $52::text::text[], $53::text::text[],
    $54::text::integer[], $55::text::text[], $56::text::integer[], $57::text::text[], $58::text::text[],
    $59::text::uuid[], $60::text::text[], $61::text::text[], $62::text::text[], $63::text::integer[],
    $64::text::text[], $65, $66::text::bigint[], $67::text::integer[], $68::text::integer[], $69::text::uuid[],
    $70::text::text[], $71::text::text[], $72::text::uuid[], $73::text::text[], $74::text::integer[],
    $75::text::uuid[], $76::text::uuid[], $77::text::text[], $78::text::text[], $79::text::integer[], $80::text::text[],
    $81::text::text[],
    $82::text::integer[], $83::text::text[], $84::text::text[],
    $85
)
