Feature: One customer is one record
  Duplicates stop before they reach the ERP; a person says whether two are one.

  Background:
    Given legal entity DE01 keeps its books in EUR, with tax profile standard
    And service line advisory comes with the work packages analysis and delivery

  Scenario: Two customers with one tax id
    Given customer C-1 "Harbour Works GmbH" with tax id DE111 trades with DE01
    When the CRM sends customer C-2 "Lakeside Yard KG" of DE01, with tax id DE111
    Then sales-ops is asked whether C-2 is C-1
    And the ERP does not have customer C-2

  Scenario: Nearly the same name, and it is another customer
    Given customer C-1 "Harbour Works GmbH" trades with DE01
    When the CRM sends customer C-2 "Harbour Works AG" of DE01
    Then sales-ops is asked whether C-2 is C-1
    And the ERP does not have customer C-2
    When sales-ops approves
    Then the ERP has customer C-2 for DE01, once
    And no case stands open

  Scenario: A deal with a customer that may be a duplicate halts
    Given customer C-1 "Harbour Works GmbH" trades with DE01
    When the CRM sends customer C-2 "Harbour Works AG" of DE01
    And deal ENG-1 with C-2 is won for DE01
    Then sales-ops is asked whether C-2 is C-1
    And sales-ops is asked about deal ENG-1: customer_duplicate
    And nothing of ENG-1 was sent
    When the CRM merges C-2 into C-1
    And sales-ops retries
    Then the ERP has project ENG-1 of customer C-1, once
    And project ENG-1 is active
    And the ERP does not have customer C-2
    And no case stands open

  Scenario: Two customers are merged after the ERP has refused one of them
    Given legal entity US01 keeps its books in USD, with tax profile standard
    And customer C-1 "Harbour Works GmbH" trades with DE01
    And customer C-2 "Lakeside Yard KG" trades with US01
    And the ERP refuses customer C-2 for DE01
    When deal ENG-1 with C-2 is won for DE01
    Then project ENG-1 is not active
    When the CRM merges C-2 into C-1
    Then the ERP has project ENG-1 of customer C-1, once
    And project ENG-1 is active
    And no case stands open

  Scenario: Two customers are merged after the ERP has refused the project of one of them
    Given customer C-1 "Harbour Works GmbH" trades with DE01
    And customer C-2 "Lakeside Yard KG" trades with DE01
    And the ERP refuses project ENG-1
    When deal ENG-1 with C-2 is won for DE01
    Then finance is asked about the shell of deal ENG-1 for DE01: refused
    When the CRM merges C-2 into C-1
    And the ERP refuses nothing any more
    And finance retries
    Then the ERP has project ENG-1 of customer C-1, once
    And project ENG-1 is active
    And no case stands open

  Scenario: Two customers are merged while the ERP makes one of them for a deal
    Given legal entity US01 keeps its books in USD, with tax profile standard
    And customer C-1 "Harbour Works GmbH" trades with DE01
    And customer C-2 "Lakeside Yard KG" trades with US01
    And the ERP takes its time
    When deal ENG-1 with C-2 is won for DE01, and C-2 is merged into C-1 meanwhile
    Then the ERP has project ENG-1 of customer C-1, once
    And project ENG-1 is active
