Feature: Lines of a sheet travel in one request, and each is its own entry
  What is refused stands alone: what came before it in its request is booked, what follows it is not begun, and nothing is
  booked twice.

  Background:
    Given the ERP takes 10 lines in one request, those of a sheet in their order
    And legal entity DE01 keeps its books in EUR, with tax profile standard
    And service line advisory comes with the work packages analysis and delivery
    And customer C-1 trades with DE01
    And deal ENG-1 with C-1 is won for DE01, at 100.00 EUR an hour

  Scenario: All of a batch is booked
    When 8 hours on ENG-1 are approved for 2026-03-31, and 4 for 2026-04-01
    Then both lines came to the ERP in one request
    And the ERP bills 800.00 EUR and 400.00 EUR for ENG-1
    And nobody was asked anything

  Scenario: Half of a batch is refused
    Given the ERP refuses 8 hours, and what it does not have
    When 4 hours on ENG-1 are approved for 2026-03-31, and 8 for 2026-04-01
    Then both lines came to the ERP in one request
    And the ERP has 400.00 EUR booked on ENG-1
    And finance is asked about the sheet: refused
    When the ERP refuses nothing any more
    And finance retries the sheet
    Then the ERP bills 400.00 EUR and 800.00 EUR for ENG-1
    And no case stands open

  Scenario: What follows a refused line is not begun
    Given the ERP refuses 8 hours, and what it does not have
    When 8 hours on ENG-1 are approved for 2026-03-31, and 4 for 2026-04-01
    Then both lines came to the ERP in one request
    And the ERP bills nothing for ENG-1
    And finance is asked about the sheet: refused
    When the ERP refuses nothing any more
    And finance retries the sheet
    Then the ERP bills 800.00 EUR and 400.00 EUR for ENG-1
    And no case stands open

  Scenario: The refused half is corrected
    Given the ERP refuses 8 hours, and what it does not have
    When 4 hours on ENG-1 are approved for 2026-03-31, and 8 for 2026-04-01
    And they are corrected to 4 hours on ENG-1 for 2026-03-31, and 6 for 2026-04-01
    And finance retries the sheet
    Then the ERP has 1000.00 EUR booked on ENG-1
    And no case stands open

  Scenario: A refused line of one sheet holds back none of another
    Given the ERP refuses 8 hours, and what it does not have
    When sheets of 8 and of 4 hours on ENG-1 are approved at once
    Then both lines came to the ERP in one request
    And finance is asked about the sheet: refused
    And the ERP has 400.00 EUR booked on ENG-1
    When the ERP refuses nothing any more
    And finance retries the sheet
    Then the ERP has 1200.00 EUR booked on ENG-1
    And no case stands open
