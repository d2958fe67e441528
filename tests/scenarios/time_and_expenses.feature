Feature: Approved time and expenses become entries of the ERP, once, for ever
  What is approved is billed by the contract of its day, what nobody is billed for is cost, and what is corrected is taken back.

  Background:
    Given legal entity DE01 keeps its books in EUR, with tax profile standard
    And service line advisory comes with the work packages analysis and delivery
    And customer C-1 trades with DE01
    And deal ENG-1 with C-1 is won for DE01, at 100.00 EUR an hour

  Scenario: The rate changes in the middle of the week
    When change order 2 of ENG-1 is approved by finance: 120.00 EUR from 2026-04-01
    And 8 hours on ENG-1 are approved for 2026-03-31, and 8 for 2026-04-01
    Then the ERP bills 800.00 EUR and 960.00 EUR for ENG-1

  Scenario: A change order that is effective before what is posted
    Given 8 hours on ENG-1 are approved for 2026-03-31, and 8 for 2026-04-01
    When change order 2 of ENG-1 is approved by finance: 120.00 EUR from 2026-04-01
    Then finance is asked about the sheet: rates_changed
    And a case says "line 2 of 2026-04-01: 100.00 → 120.00, +160.00"
    And the ERP has 1600.00 EUR booked on ENG-1
    When E-21 approves as finance
    Then the ERP was asked for 800.00, 800.00, -800.00, and 960.00 EUR of ENG-1, in this order
    And no case stands open

  Scenario: Other rates of posted time are rejected
    Given 8 hours on ENG-1 are approved for 2026-03-31, and 8 for 2026-04-01
    When change order 2 of ENG-1 is approved by finance: 120.00 EUR from 2026-04-01
    And E-21 rejects as finance
    Then the ERP has 1600.00 EUR booked on ENG-1
    And no case stands open

  Scenario: Time that is not billed is cost
    When 2 hours on ENG-1 are approved for 2026-03-31, which nobody is billed for
    Then the ERP bills nothing for ENG-1
    And the ERP has 2 hours of cost centre CC-1 as cost of ENG-1

  Scenario: A correction after posting
    Given 8 hours on ENG-1 are approved for 2026-03-31, and 8 for 2026-04-01
    When they are corrected to 6 hours on ENG-1 for 2026-03-31, and 8 for 2026-04-01
    Then the ERP was asked for 800.00, 800.00, -800.00, and 600.00 EUR of ENG-1, in this order
    And the ERP has 1400.00 EUR booked on ENG-1
    And no case stands open

  Scenario: The approval is taken back
    Given 8 hours on ENG-1 are approved for 2026-03-31, and 8 for 2026-04-01
    When their approval is withdrawn on ENG-1
    Then the ERP has 0.00 EUR booked on ENG-1

  Scenario: The ERP refuses the posting until its period is open
    Given the ERP refuses time
    When 8 hours on ENG-1 are approved for 2026-03-31, and 8 for 2026-04-01
    Then finance is asked about the sheet: refused
    When the ERP refuses nothing any more
    And finance retries the sheet
    Then the ERP has 1600.00 EUR booked on ENG-1
    And no case stands open

  Scenario: The closing period is shut, and opened again
    Given the books of DE01 are closed through 2026-03-31
    When 8 hours on ENG-1 are approved for 2026-03-31, and 8 for 2026-04-01
    Then finance is asked about the sheet: books_closed
    And the ERP bills nothing for ENG-1
    When the books of DE01 are opened again
    Then the ERP has 1600.00 EUR booked on ENG-1
    And no case stands open

  Scenario: A correction of what stands in a closed period
    Given 8 hours on ENG-1 are approved for 2026-03-31, and 8 for 2026-04-01
    And the books of DE01 are closed through 2026-03-31
    When they are corrected to 6 hours on ENG-1 for 2026-03-31, and 8 for 2026-04-01
    Then finance is asked about the sheet: books_closed
    And the ERP has 1600.00 EUR booked on ENG-1

  Scenario: What the ERP refuses is corrected meanwhile
    Given the ERP refuses 8 hours, and what it does not have
    When 8 hours on ENG-1 are approved for 2026-03-31, and 4 for 2026-04-01
    Then finance is asked about the sheet: refused
    When they are corrected to 6 hours on ENG-1 for 2026-03-31, and 4 for 2026-04-01
    And finance retries the sheet
    Then the ERP has 1000.00 EUR booked on ENG-1
    And no case stands open

  Scenario: Time under a contract that has ended
    Given the contract of ENG-1 is terminated as of 2026-03-31
    When 8 hours on ENG-1 are approved for 2026-03-30, and 4 for 2026-03-31
    Then the ERP bills 800.00 EUR and 400.00 EUR for ENG-1

  Scenario: Time after the end of its contract
    Given the contract of ENG-1 is terminated as of 2026-03-31
    When 8 hours on ENG-1 are approved for 2026-03-31, and 4 for 2026-04-01
    Then finance is asked about the sheet: contract_not_in_force
    And the ERP bills nothing for ENG-1

  Scenario: A contract that ends before what is posted
    Given 8 hours on ENG-1 are approved for 2026-03-31, and 8 for 2026-04-01
    When the contract of ENG-1 is terminated as of 2026-03-31
    Then finance is asked about the sheet: contract_ended
    And a case says "line 2 of 2026-04-01, 800.00"
    And the ERP has 1600.00 EUR booked on ENG-1

  Scenario: More hours than a day has
    When 16 hours on ENG-1 are approved for 2026-03-31, and 9 for 2026-03-31
    Then finance is asked about the sheet: hours_too_many

  Scenario: Time comes before its project
    When 8 hours on ENG-2 are approved for 2026-03-31, and 4 for 2026-04-01
    Then the ERP bills nothing for ENG-2
    When deal ENG-2 with C-1 is won for DE01
    Then the ERP has 1740.00 EUR booked on ENG-2
    And nobody was asked anything

  Scenario: An expense is billed as it was spent
    When 84.20 EUR of travel on ENG-1 are approved
    Then the ERP has 84.20 EUR booked on ENG-1

  Scenario: An expense in another currency
    When 70.00 GBP of travel on ENG-1 are approved
    Then finance is asked about the expenses: currency_differs
    And a case says "nothing is converted here"
    And the ERP bills nothing for ENG-1

  Scenario: The same line on two sheets
    Given the PSA numbers its lines over all sheets
    And 8 hours on ENG-1 are approved for 2026-03-31, and 8 for 2026-04-01
    When the same lines come on another sheet on ENG-1
    Then sales-ops is asked about the other sheet: line_booked
    And the ERP has 1600.00 EUR booked on ENG-1
