Feature: A change order is the next version of its contract
  Nobody changes terms on the side: each version follows the one before, is approved by who may, and is kept.

  Background:
    Given legal entity DE01 keeps its books in EUR, with tax profile standard
    And service line advisory comes with the work packages analysis and delivery
    And customer C-1 trades with DE01
    And deal ENG-1 with C-1 is won for DE01, at 100.00 EUR an hour

  Scenario: Work before the effective date keeps the old rate
    When change order 2 of ENG-1 is approved by finance: 120.00 EUR from 2026-04-01
    And 8 hours on ENG-1 are approved for 2026-03-31, and 8 for 2026-04-01
    Then the ERP bills 800.00 EUR and 960.00 EUR for ENG-1
    And the ERP has versions 1 and 2 of the contract of ENG-1, in this order

  Scenario: A change order without financial authority
    Given change orders need the approval of finance
    When change order 2 of ENG-1 is approved by sales: 120.00 EUR from 2026-04-01
    Then finance is asked about change order 2 of ENG-1: authority_missing
    And the ERP has version 1 of the contract of ENG-1
    When E-21 approves as finance
    Then the ERP has versions 1 and 2 of the contract of ENG-1, in this order
    And no case stands open

  Scenario: New rates that are said to be worth nothing
    Given change orders above 10000 EUR need the approval of finance
    When change order 2 of ENG-1 is approved by sales: 1000.00 EUR from 2026-04-01
    Then finance is asked about change order 2 of ENG-1: authority_missing
    And the ERP has version 1 of the contract of ENG-1

  Scenario: Finance rejects a change order
    Given change orders need the approval of finance
    When change order 2 of ENG-1 is approved by sales: 120.00 EUR from 2026-04-01
    And E-21 rejects as finance
    And 8 hours on ENG-1 are approved for 2026-03-31, and 8 for 2026-04-01
    Then the ERP has version 1 of the contract of ENG-1
    And the ERP bills 800.00 EUR and 800.00 EUR for ENG-1
    And no case stands open

  Scenario: Work is billed at the old rate while a change order waits for its approval
    Given change orders need the approval of finance
    When change order 2 of ENG-1 is approved by sales: 120.00 EUR from 2026-04-01
    And 8 hours on ENG-1 are approved for 2026-03-31, and 8 for 2026-04-01
    Then the ERP bills 800.00 EUR and 800.00 EUR for ENG-1

  Scenario: Change orders out of order
    When change order 3 of ENG-1 is approved by finance: 130.00 EUR from 2026-05-01
    Then the sender is asked about change order 3 of ENG-1: version_missing
    And a case says "version 2 is missing, send it"
    And the ERP has version 1 of the contract of ENG-1
    When change order 2 of ENG-1 is approved by finance: 120.00 EUR from 2026-04-01
    Then the ERP has versions 1, 2, and 3 of the contract of ENG-1, in this order
    And no case stands open
